//! The bytes of media that people are said to have sent.

use bytes::Bytes;

const JPEG: &[u8] = include_bytes!("samples/image.jpg");
/// Where a comment may stand in [`JPEG`]: behind its first segment.
const BEHIND_APP0: usize = 20;
const OPUS: &[u8] = include_bytes!("samples/voice.ogg");

/// The bytes of the medium with that id: the same at every call. A picture holds its id as a
/// comment, so that no two are equal; voice notes are all the same two seconds of silence; of any
/// other type there is only a line of text.
pub(super) fn bytes_of(id: &str, mime_type: &str) -> Bytes {
    match mime_type.split(';').next().unwrap_or_default().trim() {
        "image/jpeg" => jpeg(id),
        "audio/ogg" => Bytes::from_static(OPUS),
        _ => Bytes::from(format!("Medium {id} of the sandbox, which has no sample of the type {mime_type}.\n")),
    }
}

fn jpeg(id: &str) -> Bytes {
    let comment = format!("medium {id}");
    let comment = &comment.as_bytes()[..comment.len().min(1_000)];
    let length = u16::try_from(comment.len() + 2).expect("a comment has at most 1000 bytes");
    let mut bytes = Vec::with_capacity(JPEG.len() + comment.len() + 4);
    bytes.extend_from_slice(&JPEG[..BEHIND_APP0]);
    bytes.extend_from_slice(&[0xff, 0xfe]);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(comment);
    bytes.extend_from_slice(&JPEG[BEHIND_APP0..]);
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_a_chain_of_segments_up_to_its_scan() {
        let bytes = bytes_of("300400500600700", "image/jpeg");
        let (mut at, mut markers) = (2, Vec::new());
        while markers.last() != Some(&0xda) {
            assert_eq!(bytes[at], 0xff);
            markers.push(bytes[at + 1]);
            at += 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        }
        assert_eq!(markers[..2], [0xe0, 0xfe]);
        assert!(bytes.ends_with(&[0xff, 0xd9]));
        assert_ne!(bytes, bytes_of("300400500600701", "image/jpeg"));
    }

    #[test]
    fn the_type_decides_and_its_parameters_do_not() {
        assert!(bytes_of("1", "audio/ogg; codecs=opus").starts_with(b"OggS"));
        assert!(bytes_of("1", "application/pdf").starts_with(b"Medium 1"));
    }
}
