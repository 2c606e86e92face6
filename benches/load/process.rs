//! What the kernel says about a process.

use std::fs;
use std::time::Duration;

/// `USER_HZ`: every Linux that Rust runs on tells processor time in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// Processor time so far, of all threads, in user and kernel mode.
pub(crate) fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The command may hold spaces; behind its bracket, utime and stime are fields 12 and 13.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks: u32 =
        fields.split(' ').skip(11).take(2).map(|field| field.parse::<u32>().unwrap()).sum();
    TICK * ticks
}

/// The same of its threads of this name, to the nanosecond.
pub(crate) fn thread_cpu(pid: u32, name: &str) -> Duration {
    let nanos = fs::read_dir(format!("/proc/{pid}/task")).unwrap().map(|task| {
        let task = task.unwrap().path();
        if fs::read_to_string(task.join("comm")).unwrap().trim() != name {
            return 0;
        }
        let stat = fs::read_to_string(task.join("schedstat")).unwrap();
        stat.split(' ').next().unwrap().parse::<u64>().unwrap()
    });
    Duration::from_nanos(nanos.sum())
}

/// Resident memory in MiB, now.
pub(crate) fn resident_mib(pid: u32) -> f64 {
    kib(pid, "VmRSS:") / 1024.0
}

/// Resident memory in MiB, at its highest.
pub(crate) fn peak_mib(pid: u32) -> f64 {
    kib(pid, "VmHWM:") / 1024.0
}

fn kib(pid: u32, field: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let value = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    value.trim().trim_end_matches(" kB").parse().unwrap()
}
