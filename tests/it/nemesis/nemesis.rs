//! What is done to the processes and to the network between them and Redis.

use std::time::Duration;

use super::super::harness::dice::Dice;
use super::super::harness::proxy::{Direction, Fault, Proxy};
use super::load::Scene;
use super::namespace::{Cable, Namespace};

/// Milliseconds between two strikes of one kind.
pub(super) const PAUSE: (u64, u64) = (300, 1_700);

/// What happens to a process.
#[derive(Clone, Copy, Debug)]
enum Blow {
    Kill,
    Freeze,
}

/// What happens to the way of one instance to Redis.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Cut,
    CutWithin,
    BlackHole,
    DeafServer,
    MuteServer,
    Slow,
    Refuse,
    Corrupt,
}

const TROUBLES: [Trouble; 8] = [
    Trouble::Cut,
    Trouble::CutWithin,
    Trouble::BlackHole,
    Trouble::DeafServer,
    Trouble::MuteServer,
    Trouble::Slow,
    Trouble::Refuse,
    Trouble::Corrupt,
];

pub(super) async fn pause(dice: &mut Dice) {
    tokio::time::sleep(Duration::from_millis(PAUSE.0 + dice.below(PAUSE.1))).await;
}

pub(super) async fn hold(dice: &mut Dice, least: u64, more: u64) {
    tokio::time::sleep(Duration::from_millis(least + dice.below(more))).await;
}

/// Kills and freezes instances, one at a time. Leaves all of them running.
pub(super) async fn strike_processes(scene: &Scene, mut dice: Dice) -> usize {
    let mut strikes = 0;
    loop {
        pause(&mut dice).await;
        if scene.stopped() {
            return strikes;
        }
        strikes += 1;
        let place = dice.place(scene.instances.len());
        let instance = &scene.instances[place];
        let blow = if dice.below(3) == 0 { Blow::Freeze } else { Blow::Kill };
        scene.trace.say(&format!("process {place}: {blow:?}"));
        match blow {
            Blow::Kill => {
                instance.kill();
                hold(&mut dice, 0, 1_200).await;
                instance.start();
            }
            Blow::Freeze => {
                instance.signal("STOP");
                hold(&mut dice, 500, 2_500).await;
                instance.signal("CONT");
            }
        }
        scene.trace.say(&format!("process {place}: runs"));
    }
}

/// Troubles the network of one instance at a time. Leaves it whole.
pub(super) async fn strike_network(
    scene: &Scene,
    network: &[Proxy],
    namespace: Option<&Namespace>,
    mut dice: Dice,
) -> usize {
    let mut strikes = 0;
    loop {
        pause(&mut dice).await;
        if scene.stopped() || network.is_empty() {
            return strikes;
        }
        strikes += 1;
        let place = dice.place(scene.instances.len());
        if let (0, Some(namespace)) = (place, namespace) {
            let cable = Cable::ALL[dice.place(Cable::ALL.len())];
            scene.trace.say(&format!("network {place}: {cable:?}"));
            namespace.trouble(cable);
            hold(&mut dice, 300, 2_700).await;
            namespace.mend(cable);
            scene.trace.say(&format!("network {place}: passes"));
            continue;
        }
        let proxy = &network[place];
        let trouble = TROUBLES[dice.place(TROUBLES.len())];
        scene.trace.say(&format!("network {place}: {trouble:?}"));
        match trouble {
            Trouble::Cut => proxy.cut(),
            Trouble::CutWithin => {
                let bytes = dice.place(4_000);
                proxy.set(Direction::ToServer, Fault::CutAfter(bytes));
                proxy.set(Direction::ToClient, Fault::CutAfter(dice.place(4_000)));
                hold(&mut dice, 200, 800).await;
            }
            Trouble::BlackHole => proxy.black_hole(),
            Trouble::DeafServer => proxy.set(Direction::ToServer, Fault::BlackHole),
            Trouble::MuteServer => proxy.set(Direction::ToClient, Fault::BlackHole),
            Trouble::Slow => {
                let slow = Fault::Slow { bytes: 200, delay: Duration::from_millis(20) };
                proxy.set(Direction::ToServer, slow);
                proxy.set(Direction::ToClient, slow);
            }
            Trouble::Refuse => {
                proxy.refuse();
                proxy.cut();
            }
            Trouble::Corrupt => {
                let nth = 500 + dice.place(3_000);
                let direction = [Direction::ToServer, Direction::ToClient][dice.place(2)];
                proxy.set(direction, Fault::CorruptEvery(nth));
            }
        }
        hold(&mut dice, 300, 2_700).await;
        proxy.pass();
        // Bytes that vanished do not come back: what hung on them is cut, as a network that comes
        // back after a while would, or goes on half open.
        if dice.below(2) == 0 {
            proxy.cut();
        }
        scene.trace.say(&format!("network {place}: passes"));
    }
}
