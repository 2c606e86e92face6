//! The plot of what an answer takes.

use std::fmt::Write as _;
use std::path::Path;

pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) nanos: f64,
}

const WIDTH: f64 = 760.0;
/// Where bars begin, and what a factor of ten takes.
const LEFT: f64 = 214.0;
const DECADE: f64 = 104.0;
const ROW: f64 = 34.0;
const TOP: f64 = 66.0;
/// Where the axis begins and ends, in powers of ten nanoseconds.
const POWERS: std::ops::RangeInclusive<i32> = 0..=5;

/// Writes docs/benchmarks/check.svg: one bar for each, on a logarithmic axis.
pub(crate) fn draw(entries: u64, bars: &[Bar]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("check.svg");
    std::fs::write(&path, svg(entries, bars)).unwrap();
    println!("\ndrawn: {}", path.display());
}

fn svg(entries: u64, bars: &[Bar]) -> String {
    let bottom = TOP + ROW * bars.len() as f64;
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="13" role="img">
<title>Time from the text of a jti to the answer</title>
<style>
  .ground {{ fill: #fff }} .text {{ fill: #1f2328 }} .quiet {{ fill: #656d76 }}
  .line {{ stroke: #d0d7de }} .bar {{ fill: #8c959f }} .ours {{ fill: #1a7f37 }} .floor {{ fill: #c8d1da }}
  @media (prefers-color-scheme: dark) {{
    .ground {{ fill: #0d1117 }} .text {{ fill: #e6edf3 }} .quiet {{ fill: #8d96a0 }}
    .line {{ stroke: #30363d }} .bar {{ fill: #6e7681 }} .ours {{ fill: #3fb950 }} .floor {{ fill: #3d444d }}
  }}
</style>
<rect class="ground" width="100%" height="100%"/>
<text class="text" x="16" y="28" font-size="16" font-weight="600">Is this token revoked? Time to the answer</text>
<text class="quiet" x="16" y="48">{millions} million entries, one thread, 99.9 % of the questions about tokens that are not; logarithmic</text>
"#,
        millions = entries as f64 / 1e6,
        height = bottom + 42.0,
    );
    for power in POWERS {
        let x = LEFT + DECADE * f64::from(power);
        let (low, high) = (bottom + 4.0, bottom + 22.0);
        let name = label(10f64.powi(power));
        let _ = writeln!(
            svg,
            r#"<line class="line" x1="{x}" x2="{x}" y1="{TOP}" y2="{low}"/><text class="quiet" x="{x}" y="{high}" text-anchor="middle">{name}</text>"#
        );
    }
    for (row, bar) in bars.iter().enumerate() {
        let (y, length) = (TOP + ROW * row as f64, DECADE * bar.nanos.log10().max(0.0));
        let class = match bar.name.as_str() {
            "Index" => "ours",
            "hash alone" => "floor",
            _ => "bar",
        };
        let name = bar.name.replace('<', "&lt;").replace('>', "&gt;");
        let (end, base, middle) = (LEFT + length + 8.0, LEFT - 10.0, y + 22.0);
        let _ = writeln!(
            svg,
            r#"<text class="text" x="{base}" y="{middle}" text-anchor="end">{name}</text><rect class="{class}" x="{LEFT}" y="{top}" width="{length:.1}" height="20" rx="3"/><text class="text" x="{end:.1}" y="{middle}">{value}</text>"#,
            top = y + 7.0,
            value = label(bar.nanos),
        );
    }
    svg + "</svg>\n"
}

/// Two or three figures and a unit.
fn label(nanos: f64) -> String {
    let (value, unit) = if nanos < 1e3 { (nanos, "ns") } else { (nanos / 1e3, "µs") };
    if value < 10.0 && value.fract() > 0.05 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}
