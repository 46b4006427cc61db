//! A connection against bytes and a clock that the test holds.

use std::rc::Rc;
use std::time::Duration;

use actix_service::{IntoServiceFactory as _, ServiceFactory as _};
use actix_web::dev::AppConfig;
use actix_web::error::PayloadError;
use actix_web::{App, HttpRequest, HttpResponse, web};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::{Instant, sleep};

use crate::connection;
use crate::phases::{Phase, Phases};

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

fn refusal(status: u16) -> HttpResponse {
    HttpResponse::build(status.try_into().expect("is a status")).insert_header(("x-request-id", "r")).body("why")
}

/// What it got of the body, or how that ended.
async fn read(mut payload: web::Payload) -> HttpResponse {
    let mut length = 0;
    while let Some(piece) = payload.next().await {
        match piece {
            Ok(piece) => length += piece.len(),
            Err(PayloadError::Io(error)) if error.kind() == std::io::ErrorKind::TimedOut => {
                return HttpResponse::RequestTimeout().body("late");
            }
            Err(_) => return HttpResponse::BadRequest().body("broken"),
        }
    }
    HttpResponse::Ok().body(length.to_string())
}

/// A connection to an application, and its end.
async fn connected() -> (DuplexStream, JoinHandle<()>, impl Fn()) {
    #[expect(clippy::disallowed_methods, reason = "nobody is to be kept out")]
    let app = App::new()
        .route(
            "/",
            web::get()
                .to(|request: HttpRequest| async move { HttpResponse::Ok().body(format!("{:?}", request.version())) }),
        )
        .route("/", web::post().to(read))
        .route("/refused", web::post().to(|| async { HttpResponse::Unauthorized().body("no") }))
        .route(
            "/slow",
            web::get().to(|| async {
                sleep(Duration::from_secs(200)).await;
                HttpResponse::Ok().body("slow")
            }),
        )
        .route(
            "/pieces",
            web::get().to(|| async {
                let pieces =
                    futures_util::stream::iter(["ab", "cd"].map(|piece| Ok::<_, std::io::Error>(piece.into())));
                HttpResponse::Ok().streaming(pieces)
            }),
        )
        .route("/long", web::get().to(|| async { HttpResponse::Ok().body(vec![b'x'; 1 << 20]) }));
    let app = app.into_factory().new_service(AppConfig::default()).await.expect("the application can be made");
    let (client, server) = tokio::io::duplex(1024);
    let (phase, phases) = Phases::of_a_server();
    let peer = ([192, 0, 2, 1], 1).into();
    let serving = spawn_local(connection::serve(server, peer, Rc::new(app), refusal, phases));
    let drain = move || {
        phase.send_replace(Phase::Draining);
    };
    (client, serving, drain)
}

/// Everything that comes until the connection ends.
async fn rest(client: &mut DuplexStream) -> String {
    let mut all = Vec::new();
    client.read_to_end(&mut all).await.expect("the connection stands");
    String::from_utf8(all).expect("answers are text")
}

/// What comes until the text ends so.
async fn until(client: &mut DuplexStream, end: &str) -> String {
    let mut all = String::new();
    while !all.ends_with(end) {
        let byte = client.read_u8().await.unwrap_or_else(|_| panic!("the connection ended behind {all:?}"));
        all.push(char::from(byte));
    }
    all
}

async fn local(test: impl Future<Output = ()>) {
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn the_first_head_and_every_other_must_arrive_in_ten_seconds() {
    local(async {
        let (mut client, _serving, _drain) = connected().await;
        client.write_all(b"GET / HT").await.unwrap();
        let began = Instant::now();
        let told = rest(&mut client).await;
        assert!(
            told.starts_with("HTTP/1.1 408 ") && told.contains("connection: close") && told.ends_with("why"),
            "{told}"
        );
        assert_eq!(began.elapsed().as_secs(), 10);

        let (mut client, _serving, _drain) = connected().await;
        client.write_all(GET).await.unwrap();
        until(&mut client, "HTTP/1.1").await;
        until(&mut client, "HTTP/1.1").await;
        sleep(Duration::from_mins(1)).await;
        let began = Instant::now();
        for byte in GET.iter().take(6) {
            client.write_all(&[*byte]).await.unwrap();
            sleep(Duration::from_secs(3)).await;
            if began.elapsed().as_secs() >= 9 {
                break;
            }
        }
        assert!(rest(&mut client).await.starts_with("HTTP/1.1 408 "));
        assert_eq!(began.elapsed().as_secs(), 10, "a byte now and then earns nothing");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_nobody_uses_ends_and_one_that_is_worked_on_does_not() {
    local(async {
        let (mut client, _serving, _drain) = connected().await;
        client.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        until(&mut client, "slow").await;
        let began = Instant::now();
        assert_eq!(rest(&mut client).await, "");
        assert_eq!(began.elapsed().as_secs(), 75);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_body_must_arrive_at_its_rate() {
    local(async {
        let (mut client, _serving, _drain) = connected().await;
        client.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n").await.unwrap();
        let began = Instant::now();
        let mut told = String::new();
        while told.is_empty() {
            // A byte in two seconds.
            let _ = client.write_all(b"x").await;
            let mut piece = [0; 512];
            if let Ok(read) = tokio::time::timeout(Duration::from_secs(2), client.read(&mut piece)).await {
                let length = read.expect("the connection stands");
                assert_ne!(length, 0, "the connection ended without an answer");
                told = String::from_utf8_lossy(&piece[..length]).into_owned();
            }
        }
        assert!(told.starts_with("HTTP/1.1 408 ") && told.contains("late"), "{told}");
        assert!(began.elapsed().as_secs() <= 12, "{:?}", began.elapsed());
        drop(client);

        let (mut client, _serving, _drain) = connected().await;
        client.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 400000\r\n\r\n").await.unwrap();
        for _ in 0..400 {
            client.write_all(&[b'x'; 1000]).await.unwrap();
            sleep(Duration::from_millis(50)).await;
        }
        until(&mut client, "400000").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_its_answer_is_cut_off() {
    local(async {
        let (mut client, serving, _drain) = connected().await;
        client.write_all(b"GET /long HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let began = Instant::now();
        serving.await.expect("the connection does not panic");
        assert_eq!(began.elapsed().as_secs(), 30);

        let (mut client, serving, _drain) = connected().await;
        client.write_all(b"GET /long HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut length = 0;
        while let Ok(more @ 1..) = client.read(&mut [0; 1000]).await {
            length += more;
            sleep(Duration::from_millis(100)).await;
        }
        serving.await.expect("the connection does not panic");
        assert!(length > 1 << 20, "a slow reader gets all of it: {length}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_request_is_told_why() {
    local(async {
        let long = [b"GET / HTTP/1.1\r\nhost: x\r\nlong: ".as_slice(), &vec![b'x'; 70_000], b"\r\n\r\n"].concat();
        let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(200));
        let cases: [(&[u8], &str); 4] = [
            (b"nonsense\r\n\r\n", "400"),
            (b"GET / HTTP/1.1\r\nhost : x\r\nbad name: y\r\n\r\n", "400"),
            (&long, "431"),
            (many.as_bytes(), "431"),
        ];
        for (request, status) in cases {
            for before in [b"".as_slice(), GET] {
                let (mut client, _serving, _drain) = connected().await;
                client.write_all(before).await.unwrap();
                if !before.is_empty() {
                    until(&mut client, "\r\n\r\nHTTP/1.1").await;
                }
                let (mut reader, mut writer) = tokio::io::split(client);
                let writing = spawn_local({
                    let request = request.to_vec();
                    async move {
                        let _ = writer.write_all(&request).await;
                        writer
                    }
                });
                let mut told = Vec::new();
                reader.read_to_end(&mut told).await.unwrap();
                let told = String::from_utf8_lossy(&told).into_owned();
                assert!(told.starts_with(&format!("HTTP/1.1 {status} ")), "{told}");
                assert!(told.contains("x-request-id: r\r\n") && told.contains("connection: close\r\n"), "{told}");
                assert!(told.ends_with("\r\n\r\nwhy"), "{told}");
                writing.abort();
            }
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_body_is_invited_only_by_who_reads_it() {
    local(async {
        let head = |path: &str| {
            format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n").into_bytes()
        };
        let (mut client, _serving, _drain) = connected().await;
        client.write_all(&head("/")).await.unwrap();
        assert_eq!(until(&mut client, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
        client.write_all(b"ab").await.unwrap();
        until(&mut client, "\r\n\r\n2").await;

        let (mut client, _serving, _drain) = connected().await;
        client.write_all(&head("/refused")).await.unwrap();
        assert!(rest(&mut client).await.starts_with("HTTP/1.1 401 "));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_whose_body_nobody_wanted_goes_on_or_says_that_it_ends() {
    local(async {
        let head = |length: &str| format!("POST /refused HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
        let (mut client, _serving, _drain) = connected().await;
        for _ in 0..2 {
            client.write_all(head("3").as_bytes()).await.unwrap();
            sleep(Duration::from_secs(1)).await;
            client.write_all(b"abc").await.unwrap();
            let told = until(&mut client, "\r\n\r\nno").await;
            assert!(told.starts_with("HTTP/1.1 401 ") && !told.contains("connection: close"), "{told}");
        }
        for length in ["70000", "3\r\nexpect: 100-continue"] {
            let (mut client, _serving, _drain) = connected().await;
            client.write_all(head(length).as_bytes()).await.unwrap();
            let told = rest(&mut client).await;
            assert!(told.starts_with("HTTP/1.1 401 ") && told.contains("connection: close\r\n"), "{told}");
        }
        let (mut client, _serving, _drain) = connected().await;
        let chunked = b"POST /refused HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
        client.write_all(chunked).await.unwrap();
        assert!(rest(&mut client).await.contains("connection: close\r\n"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_leaves_ends_its_call() {
    local(async {
        let (mut client, serving, _drain) = connected().await;
        client.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        sleep(Duration::from_secs(1)).await;
        let began = Instant::now();
        drop(client);
        serving.await.expect("the connection does not panic");
        assert_eq!(began.elapsed().as_secs(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_is_not_offered_is_an_ordinary_request() {
    local(async {
        for upgrade in [
            "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEA",
            "connection: upgrade\r\nupgrade: websocket",
        ] {
            let (mut client, _serving, _drain) = connected().await;
            for _ in 0..2 {
                let request = format!("POST / HTTP/1.1\r\nhost: x\r\n{upgrade}\r\ncontent-length: 3\r\n\r\nabc");
                client.write_all(request.as_bytes()).await.unwrap();
                let told = until(&mut client, "\r\n\r\n3").await;
                assert!(told.starts_with("HTTP/1.1 200 ") && !told.contains("upgrade"), "{told}");
            }
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_old_version_is_not_answered_in_chunks_and_head_is_get_without_a_body() {
    local(async {
        let (mut client, _serving, _drain) = connected().await;
        client.write_all(b"GET /pieces HTTP/1.0\r\n\r\n").await.unwrap();
        let told = rest(&mut client).await;
        assert!(told.ends_with("\r\n\r\nabcd") && !told.contains("chunked"), "{told}");

        let (mut client, _serving, _drain) = connected().await;
        client.write_all(b"HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let told = rest(&mut client).await;
        assert!(told.starts_with("HTTP/1.1 200 ") && told.contains("content-length: 8\r\n"), "{told}");
        assert!(told.ends_with("\r\n\r\n"), "{told}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn heads_of_which_two_readers_could_make_two_requests_are_refused() {
    local(async {
        for (head, status) in [
            ("GET / HTTP/1.1\r\n", 400),
            ("GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n", 400),
            ("GET / HTTP/1.1\r\nhost: a b\r\n", 400),
            ("GET / HTTP/1.1\r\nhost: u@a\r\n", 400),
            ("GET / HTTP/1.1\r\nhost: a/b\r\n", 400),
            ("GET / HTTP/1.1\r\nhost:\r\n", 200),
            ("GET / HTTP/1.1\r\nhost: [::1]:80\r\n", 200),
            ("GET / HTTP/1.0\r\n", 200),
            ("GET http://a/ HTTP/1.1\r\nhost: b\r\n", 200),
            ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n", 400),
            ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n", 400),
            ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, chunked\r\n", 400),
            ("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n", 400),
            ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +2\r\n", 400),
            ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2, 2\r\n", 400),
            ("GET / HTTP/1.1\r\nhost : a\r\n", 400),
            ("GET / HTTP/1.1\r\nhost: a\r\nb: c\r\n d\r\n", 400),
        ] {
            let (mut client, _serving, _drain) = connected().await;
            client.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).await.unwrap();
            let told = rest(&mut client).await;
            let line = told.lines().next().unwrap_or_default();
            assert!(line.contains(&format!(" {status} ")), "{head:?} is answered {told:?}");
            assert!(status == 200 || told.contains("x-request-id: r\r\n"), "{told}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_idle_connections_at_once_and_others_after_their_answer() {
    local(async {
        let (mut idle, _idle, drain_idle) = connected().await;
        idle.write_all(GET).await.unwrap();
        until(&mut idle, "\r\n\r\nHTTP/1.1").await;
        let (mut busy, _busy, drain_busy) = connected().await;
        busy.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        sleep(Duration::from_secs(1)).await;
        let began = Instant::now();
        drain_idle();
        drain_busy();
        assert_eq!(rest(&mut idle).await, "");
        assert_eq!(began.elapsed().as_secs(), 0);
        let told = rest(&mut busy).await;
        assert!(told.contains("connection: close") && told.ends_with("slow"), "{told}");
    })
    .await;
}
