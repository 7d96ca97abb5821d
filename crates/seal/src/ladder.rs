//! The ladder: the margin at a level, linear between two points and floored; the twin of `quip.consensus.work.ladder`.

/// (level, margin): log2(work) in 16.16, and 1/512 energy. Strictly increasing in both.
pub type Point = (i64, i64);

/// The margin at a level. None outside the table.
pub fn margin_at(ladder: &[Point], level: i64) -> Option<i64> {
    let above = ladder.partition_point(|&(point, _)| point <= level);
    let index = above.min(ladder.len().checked_sub(1)?);
    let ((low_level, low_margin), (high_level, high_margin)) =
        (*ladder.get(index.checked_sub(1)?)?, ladder[index]);
    if level > high_level {
        return None;
    }
    let rise = i128::from(high_margin) - i128::from(low_margin);
    let run = i128::from(high_level) - i128::from(low_level);
    let step = rise * (i128::from(level) - i128::from(low_level));
    let margin = i128::from(low_margin) + step.checked_div_euclid(run)?;
    i64::try_from(margin).ok()
}
