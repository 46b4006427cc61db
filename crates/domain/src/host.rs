//! Hosts as requests name them, before a link is made of one.

/// Whether the text is a host with or without a port, as `Host` names it (RFC 9110, 7.2): a name, an IPv4
/// address, or an IPv6 address in brackets. At most 255 characters; a name may have an underscore, as names in
/// container networks do.
#[must_use]
pub fn is_host(text: &str) -> bool {
    if text.len() > 255 {
        return false;
    }
    let (host, port) = if let Some((address, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let port = if rest.is_empty() { Some("0") } else { rest.strip_prefix(':') };
        (address.parse::<std::net::Ipv6Addr>().is_ok(), port)
    } else {
        let (name, port) = text.split_once(':').unwrap_or((text, "0"));
        (is_name(name), Some(port))
    };
    host && port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

fn is_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    name.split('.').all(|label| (1..=63).contains(&label.len()) && label.bytes().all(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for host in ["localhost", "a.example:8080", "192.0.2.1", "[::1]:80", "[2001:db8::1]", "my_app:1", "a.example."]
        {
            assert!(is_host(host), "{host}");
        }
        for text in [
            "",
            ":80",
            "a:",
            "a:x",
            "a:99999",
            "a:+1",
            "a..b",
            "[::1",
            "[x]:1",
            "[::1]x",
            "a@b",
            "a/b",
            "x\"><script>",
            "a b",
            "é",
        ] {
            assert!(!is_host(text), "{text}");
        }
        assert!(!is_host(&"a.".repeat(130)));
    }
}
