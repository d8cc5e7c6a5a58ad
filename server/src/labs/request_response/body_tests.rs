//! Each format, whole and broken.

use super::*;

async fn parsed(content_type: &str, body: &[u8]) -> EchoBody {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, content_type.parse().expect("a value"));
    parse(&headers, &Bytes::copy_from_slice(body)).await
}

/// What is wrong, where the format is promised and not kept.
async fn why(content_type: &str, body: &[u8]) -> String {
    match parsed(content_type, body).await {
        EchoBody::Broken { why, .. } => why,
        other => panic!("{content_type}: expected broken, got {other:?}"),
    }
}

#[tokio::test]
async fn nothing_is_nothing_whatever_is_promised() {
    assert_eq!(parsed("application/json", b"").await, EchoBody::Nothing);
}

#[tokio::test]
async fn json_is_read_or_broken_at_a_line_and_column() {
    let value = serde_json::json!({"a": [1, null]});
    for json_type in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/ld+json",
    ] {
        let body = parsed(json_type, br#"{"a": [1, null]}"#).await;
        assert_eq!(
            body,
            EchoBody::Json {
                value: value.clone()
            }
        );
    }
    assert!(
        why("application/json", b"{\"a\":\n 1,}")
            .await
            .contains("line 2 column 4")
    );
    let deep = "[".repeat(100_000);
    assert!(
        why("application/json", deep.as_bytes())
            .await
            .contains("recursion")
    );
}

#[tokio::test]
async fn a_form_is_pairs_in_order() {
    let body = parsed("application/x-www-form-urlencoded", b"b=1+2&a=%C3%BC&b=&c").await;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let fields = vec![
        pair("b", "1 2"),
        pair("a", "\u{fc}"),
        pair("b", ""),
        pair("c", ""),
    ];
    assert_eq!(body, EchoBody::Form { fields });
    let most = "a&".repeat(FIELDS_MAX);
    assert!(matches!(
        parsed("application/x-www-form-urlencoded", most.as_bytes()).await,
        EchoBody::Form { fields } if fields.len() == FIELDS_MAX
    ));
    let more = "a&".repeat(FIELDS_MAX + 1);
    assert!(
        why("application/x-www-form-urlencoded", more.as_bytes())
            .await
            .contains("1000")
    );
}

#[tokio::test]
async fn multipart_is_its_parts_in_order() {
    let body = b"--X\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n\
        --X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\
        Content-Type: application/octet-stream\r\n\r\n\xff\x00\r\n--X--\r\n";
    let EchoBody::Multipart { parts } = parsed("multipart/form-data; boundary=X", body).await
    else {
        panic!("two parts");
    };
    assert_eq!(
        (parts[0].name.as_str(), parts[0].text.as_deref()),
        ("note", Some("hello"))
    );
    assert_eq!(
        (
            parts[1].file_name.as_deref(),
            parts[1].bytes,
            parts[1].text.as_deref()
        ),
        (Some("a.bin"), 2, None)
    );
    assert_eq!(
        parts[1].content_type.as_deref(),
        Some("application/octet-stream")
    );
    assert!(why("multipart/form-data", body).await.contains("boundary"));
    let cut = &body[..body.len() - 20];
    assert!(
        why("multipart/form-data; boundary=X", cut)
            .await
            .starts_with("part 2")
    );
}

#[tokio::test]
async fn xml_is_well_formed_or_broken_at_a_byte() {
    let good = b"<?xml version=\"1.0\"?><!-- c --><a x='1'>&lt;&#233;<b/><b></b></a>\n";
    let body = parsed("application/xml", good).await;
    let (root, elements) = ("a".to_owned(), 3);
    assert_eq!(body, EchoBody::Xml { root, elements });
    assert!(matches!(
        parsed("image/svg+xml", b"<svg/>").await,
        EchoBody::Xml { .. }
    ));
    let cases: [(&str, &str); 11] = [
        ("<a><b></a></b>", "byte"),
        ("<a>", "before the root element is closed"),
        ("<a/><b/>", "a second root element, b"),
        ("<a/>x", "text outside"),
        ("<a x='1' x='2'/>", "duplicated"),
        ("<a>&nbsp;</a>", "&nbsp; is not defined"),
        ("<a x='&boom;'/>", "boom"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "refuses"),
        ("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "refuses"),
        ("  ", "no element"),
        ("<a>&#xD800;</a>", "not defined"),
    ];
    for (text, reason) in cases {
        let why = why("text/xml", text.as_bytes()).await;
        assert!(why.contains(reason), "{text}: {why}");
    }
    assert!(why("text/xml", b"<a>\xff</a>").await.contains("byte 3"));
}

#[tokio::test]
async fn text_is_taken_as_it_is_and_anything_else_in_hex() {
    let text = "<p>h\u{e9}".to_owned();
    for text_type in ["text/html", "text/plain; charset=UTF-8", "text/css"] {
        assert_eq!(
            parsed(text_type, text.as_bytes()).await,
            EchoBody::Text { text: text.clone() }
        );
    }
    assert!(why("text/plain", b"ab\xff").await.contains("byte 2"));
    let hex = || EchoBody::Bytes {
        hex: "6162ff".into(),
    };
    assert_eq!(
        parsed("text/plain; charset=iso-8859-1", b"ab\xff").await,
        hex()
    );
    assert_eq!(parsed("application/octet-stream", b"ab\xff").await, hex());
    assert_eq!(
        parse(&HeaderMap::new(), &Bytes::from_static(b"ab\xff")).await,
        hex()
    );
    let EchoBody::Bytes { hex } = parsed("image/png", &[7; HEX_MAX + 1]).await else {
        panic!("bytes");
    };
    assert_eq!(hex.len(), 2 * HEX_MAX);
}

#[tokio::test]
async fn an_encoded_body_is_not_taken_for_what_it_will_be() {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        "application/json".parse().expect("a value"),
    );
    headers.insert(header::CONTENT_ENCODING, "gzip".parse().expect("a value"));
    let body = parse(&headers, &Bytes::from_static(b"\x1f\x8b")).await;
    assert_eq!(body, EchoBody::Bytes { hex: "1f8b".into() });
}
