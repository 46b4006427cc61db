//! Circles in a graph, and where to cut them. A node is a number; an arrow goes from one to another.

use std::cmp::Reverse;

pub(super) type Arrow = (usize, usize);

/// The circles: of all nodes that reach each other, one list each, in order.
pub(super) fn circles(nodes: usize, arrows: &[Arrow]) -> Vec<Vec<usize>> {
    let reach: Vec<_> = (0..nodes).map(|node| reached(nodes, arrows, node)).collect();
    let circle = |a: usize| (0..nodes).filter(|&b| reach[a][b] && reach[b][a]).collect::<Vec<_>>();
    let circles = (0..nodes).map(circle).enumerate();
    circles.filter(|(lowest, circle)| circle.first() == Some(lowest)).map(|(_, circle)| circle).collect()
}

/// Which nodes arrows lead to from that one.
fn reached(nodes: usize, arrows: &[Arrow], from: usize) -> Vec<bool> {
    let mut reached = vec![false; nodes];
    let mut next = vec![from];
    while let Some(node) = next.pop() {
        for &(_, to) in arrows.iter().filter(|(from, _)| *from == node) {
            if !reached[to] {
                reached[to] = true;
                next.push(to);
            }
        }
    }
    reached
}

/// Some of a circle's arrows without which there is no circle; each arrow comes with its weight. The
/// heaviest are kept as long as they close none, so that each one to cut closes one with those.
pub(super) fn cuts(circle: &[usize], arrows: &[(Arrow, usize)]) -> Vec<Arrow> {
    let inside = |&((from, to), _): &(Arrow, usize)| circle.contains(&from) && circle.contains(&to);
    let mut inside: Vec<_> = arrows.iter().copied().filter(inside).collect();
    inside.sort_by_key(|&(arrow, weight)| (Reverse(weight), arrow));
    let nodes = circle.iter().max().map_or(0, |highest| highest + 1);
    let (mut kept, mut cut) = (Vec::new(), Vec::new());
    for ((from, to), _) in inside {
        if reached(nodes, &kept, to)[from] {
            cut.push((from, to));
        } else {
            kept.push((from, to));
        }
    }
    cut.sort_unstable();
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_reach_each_other_are_one_circle() {
        let arrows = [(0, 1), (1, 2), (2, 1), (2, 3), (4, 5), (5, 6), (6, 4), (6, 5)];
        assert_eq!(circles(7, &arrows), [vec![1, 2], vec![4, 5, 6]]);
        assert!(circles(4, &[(0, 1), (0, 2), (1, 3), (2, 3)]).is_empty());
    }

    #[test]
    fn the_lighter_arrow_of_two_is_cut() {
        assert_eq!(cuts(&[3, 5], &[((3, 5), 4), ((5, 3), 1), ((5, 9), 1)]), [(5, 3)]);
        assert_eq!(cuts(&[3, 5], &[((3, 5), 1), ((5, 3), 4)]), [(3, 5)]);
    }

    #[test]
    fn what_is_cut_leaves_no_circle_and_nothing_is_cut_in_vain() {
        // A hub that four files use and that uses them back, and a ring around it.
        let mut arrows: Vec<(Arrow, usize)> = (1..5).flat_map(|node| [((node, 0), 5), ((0, node), 1)]).collect();
        arrows.extend([((1, 2), 1), ((2, 3), 1), ((3, 4), 1), ((4, 1), 1)]);
        let cut = cuts(&[0, 1, 2, 3, 4], &arrows);
        assert_eq!(cut.len(), 5, "the hub's arrows, and one of the ring: {cut:?}");
        let rest = |without: &[Arrow]| -> Vec<Arrow> {
            arrows.iter().map(|(arrow, _)| *arrow).filter(|arrow| !without.contains(arrow)).collect()
        };
        assert!(circles(5, &rest(&cut)).is_empty());
        for at in 0..cut.len() {
            let mut fewer = cut.clone();
            fewer.remove(at);
            assert!(!circles(5, &rest(&fewer)).is_empty());
        }
    }
}
