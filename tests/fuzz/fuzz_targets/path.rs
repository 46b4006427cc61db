//! Anything as a path below Chakra's prefixes: no panic, and what matches has exactly the template's
//! segments, with values that cannot lead Chakra anywhere else.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use portico_chakra::{Method, router};

#[derive(Debug, Arbitrary)]
enum Input<'a> {
    /// A path as it is.
    Raw(&'a str),
    /// A template of the catalogue with these values in its parameters.
    Filled(u16, Vec<&'a str>),
    /// The same with some of its segments replaced.
    Bent(u16, Vec<&'a str>, u8, &'a str),
}

fn filled(at: u16, values: &[&str]) -> Vec<String> {
    let routes = router().routes();
    let template = routes[usize::from(at) % routes.len()].template;
    let mut values = values.iter();
    let fill = |segment: &str| {
        if segment.starts_with('{') { values.next().copied().unwrap_or("200300400500600") } else { segment }.to_owned()
    };
    template.split('/').map(fill).collect()
}

fuzz_target!(|input: (u8, Input<'_>)| {
    const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "BREW"];
    let (method, input) = input;
    let path = match input {
        Input::Raw(text) => text.to_owned(),
        Input::Filled(at, values) => filled(at, &values).join("/"),
        Input::Bent(at, values, which, segment) => {
            let mut segments = filled(at, &values);
            let which = usize::from(which) % segments.len();
            segments[which] = segment.to_owned();
            segments.join("/")
        }
    };
    let method = Method::parse(METHODS[usize::from(method) % METHODS.len()]);
    let Ok(matched) = router().find(method, &path) else { return };
    let template = matched.route.template;
    assert_eq!(Some(matched.route.method), method);
    assert_eq!(path.split('/').count(), template.split('/').count(), "{path:?} is no {template}");
    for (segment, pattern) in path.split('/').zip(template.split('/')) {
        let Some(name) = pattern.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else { continue };
        let Some(value) = matched.parameter(name) else { continue };
        assert!(!value.is_empty() && !matches!(value, "." | ".."), "{path:?}: {name} is {value:?}");
        assert!(!value.chars().any(|one| one == '/' || one == '\\' || one.is_control()), "{path:?}: {name} is {value:?}");
        // Decoded once: what had no escape is as it was.
        assert!(segment.contains('%') || segment == value, "{path:?}: {name} is {value:?}");
    }
});
