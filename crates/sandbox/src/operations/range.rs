//! The `Range` header (RFC 9110, §14.2).

/// Which bytes of a content a header asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteRange {
    /// All; so it is with a header that cannot be read, and with several ranges at once.
    Whole,
    /// From the first to the last byte, both included.
    Part(usize, usize),
    /// None of the content: 416.
    Unsatisfiable,
}

/// Reads the header for a content of that length, in bytes.
pub(super) fn parse(header: &str, length: usize) -> ByteRange {
    read(header, length).unwrap_or(ByteRange::Whole)
}

fn read(header: &str, length: usize) -> Option<ByteRange> {
    let (unit, range) = header.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    // A number beyond what fits is one beyond the end; digits only, since `parse` takes a sign.
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<usize>().unwrap_or(usize::MAX))
    };
    if first.is_empty() {
        let count = number(last)?.min(length);
        return Some(if count == 0 { ByteRange::Unsatisfiable } else { ByteRange::Part(length - count, length - 1) });
    }
    let first = number(first)?;
    let last = if last.is_empty() { usize::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    Some(if first >= length { ByteRange::Unsatisfiable } else { ByteRange::Part(first, last.min(length - 1)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        for (header, slice) in [
            ("bytes=0-3", ByteRange::Part(0, 3)),
            ("Bytes= 2-", ByteRange::Part(2, 9)),
            ("bytes=-4", ByteRange::Part(6, 9)),
            ("bytes=-40", ByteRange::Part(0, 9)),
            ("bytes=9-99999999999999999999999", ByteRange::Part(9, 9)),
            ("bytes=10-", ByteRange::Unsatisfiable),
            ("bytes=-0", ByteRange::Unsatisfiable),
        ] {
            assert_eq!(parse(header, 10), slice, "{header}");
        }
        for whole in
            ["", "bytes", "bytes=", "bytes=a-b", "bytes=5-2", "bytes=0-1,3-4", "lines=0-1", "bytes=+1-2", "bytes=-"]
        {
            assert_eq!(parse(whole, 10), ByteRange::Whole, "{whole}");
        }
        assert_eq!(parse("bytes=0-", 0), ByteRange::Unsatisfiable);
    }
}
