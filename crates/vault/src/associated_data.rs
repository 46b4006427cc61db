//! What a ciphertext is bound to, encoded so that no two lists of fields look alike.

/// A list of fields, each preceded by its length as 64 bits, big endian.
#[derive(Debug, Clone)]
pub(crate) struct AssociatedData(Vec<u8>);

impl AssociatedData {
    /// A list that begins with `label`, which tells one use of a key from every other.
    pub(crate) fn new(label: &str) -> Self {
        Self(Vec::with_capacity(192)).field(label)
    }

    /// The list with one more field.
    pub(crate) fn field(mut self, field: impl AsRef<[u8]>) -> Self {
        let field = field.as_ref();
        self.0.extend_from_slice(&(field.len() as u64).to_be_bytes());
        self.0.extend_from_slice(field);
        self
    }

    /// The encoded list.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encode(fields: &[Vec<u8>]) -> Vec<u8> {
        fields.iter().fold(AssociatedData::new("label"), AssociatedData::field).0
    }

    /// Reads back what [`encode`] wrote: an encoding that can be read back is unambiguous.
    fn decode(mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut fields = Vec::new();
        while let Some((len, rest)) = bytes.split_first_chunk::<8>() {
            let (field, rest) =
                rest.split_at(usize::try_from(u64::from_be_bytes(*len)).expect("test fields are short"));
            fields.push(field.to_vec());
            bytes = rest;
        }
        fields.remove(0);
        fields
    }

    #[test]
    fn moving_a_character_between_neighbours_changes_the_encoding() {
        let split = |a: &str, b: &str| encode(&[a.into(), b.into()]);
        assert_ne!(split("ab", "c"), split("a", "bc"));
        assert_ne!(split("abc", ""), split("", "abc"));
    }

    proptest! {
        #[test]
        fn the_encoding_can_be_read_back(fields: Vec<Vec<u8>>) {
            prop_assert_eq!(decode(&encode(&fields)), fields);
        }
    }
}
