//! A tokio server and its clients, flat out: each line is a JSON document, which is kept in place
//! of another one and sent back.
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
mod counted;

const CLIENTS: u64 = 32;

type Store = Arc<Mutex<HashMap<u64, (String, serde_json::Value)>>>;

async fn serve(stream: TcpStream, store: Store) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        let key = value["key"].as_u64().unwrap();
        let answer = format!("{{\"ok\":true,\"echo\":{}}}\n", value);
        store.lock().unwrap().insert(key, (line, value));
        if write.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn client(to: std::net::SocketAddr, seed: u64, start: Arc<Barrier>) {
    let (read, mut write) = TcpStream::connect(to).await.unwrap().into_split();
    let mut lines = BufReader::new(read).lines();
    let mut x = seed;
    start.wait().await;
    loop {
        x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let text = "x".repeat(100 + (x >> 56) as usize * 4);
        let line = format!("{{\"key\":{},\"text\":\"{}\",\"list\":[1,2,3,4]}}\n", x >> 53, text);
        write.write_all(line.as_bytes()).await.unwrap();
        lines.next_line().await.unwrap().unwrap();
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        let store: Store = Arc::new(Mutex::new(HashMap::with_capacity(2048)));
        let start = Arc::new(Barrier::new(CLIENTS as usize + 1));
        for i in 0..CLIENTS {
            tokio::spawn(client(to, i, start.clone()));
        }
        for _ in 0..CLIENTS {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream, store.clone()));
        }
        // What stays is there soon: connections, their buffers, and room for what is stored.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        counted::begin();
        start.wait().await;
        std::future::pending::<()>().await
    });
}
