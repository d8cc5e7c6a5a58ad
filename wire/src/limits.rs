//! Every bound that both sides need to know, in one place. The server enforces them, the page shows them.
//!
//! What only the server needs (timeouts, connection caps) stands in the server's configuration and in `--help`.

/// The longest wait that `/api/echo?delay_ms=` grants, in milliseconds.
pub const ECHO_DELAY_MS_MAX: u64 = 30_000;
/// The longest time that `/api/echo?work=cpu` computes, in milliseconds: it holds a thread.
pub const ECHO_CPU_MS_MAX: u64 = 5_000;
/// The largest response that `/api/echo?bytes=` makes, in bytes.
pub const ECHO_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The largest request body that `/api/echo` mirrors, in bytes.
pub const ECHO_BODY_MAX: u64 = 1024 * 1024;
/// The largest raw request that `POST /api/probe` sends, in bytes.
pub const PROBE_BYTES_MAX: u64 = 64 * 1024;
/// The largest reply that `POST /api/probe` hands back, in bytes.
pub const PROBE_REPLY_MAX: u64 = 1024 * 1024;
/// How long the probe waits for the next byte of the server's answer, in milliseconds: longer than the server waits for
/// the rest of a head.
pub const PROBE_WAIT_MS: u64 = 15_000;
/// How long the probe takes in all, in milliseconds.
pub const PROBE_TOTAL_MS: u64 = 45_000;
/// In how many pieces the probe sends a request at most.
pub const PROBE_PIECES_MAX: u64 = 64;
/// The longest pause of the probe between two pieces, in milliseconds.
pub const PROBE_GAP_MS_MAX: u64 = 2_000;
/// How many probes run at once.
pub const PROBES_MAX: usize = 256;

/// The longest work of a job that waits, in milliseconds.
pub const JOB_WORK_MS_MAX: u64 = 5 * 60 * 1000;
/// The longest work of a job that computes, in milliseconds: it holds a thread.
pub const JOB_CPU_MS_MAX: u64 = 30_000;
/// How long a request waits for a job at most before something in between gives it up (`timeout_ms=`), in milliseconds.
pub const JOB_TIMEOUT_MS_MAX: u64 = 60_000;
/// How long `GET /api/jobs/{id}` waits at most, in seconds.
pub const JOB_WAIT_S_MAX: u64 = 60;
/// How many jobs there may be at once, over or not. Where there are too many, those that have been over for longest go.
pub const JOBS_MAX: usize = 10_000;
/// How many of them may be unfinished.
pub const UNFINISHED_JOBS_MAX: usize = 2_000;
/// How many of those may be from one address: a whole class may sit behind one.
pub const UNFINISHED_JOBS_PER_ADDRESS_MAX: usize = 1_000;
/// How long a job is kept when it is over, and its `Idempotency-Key` with it, in seconds.
pub const JOB_KEPT_S: u64 = 10 * 60;

/// The longest latency that `faults=` asks for, in milliseconds.
pub const FAULT_LATENCY_MS_MAX: u64 = 10_000;
/// The most that a latency may vary, in milliseconds.
pub const FAULT_JITTER_MS_MAX: u64 = 10_000;
/// The lowest rate that `faults=` asks for, in bits a second.
pub const FAULT_RATE_BITS_MIN: u64 = 1_000;
/// The highest rate that `faults=` asks for, in bits a second.
pub const FAULT_RATE_BITS_MAX: u64 = 1_000_000_000;
/// How many bytes a buffering proxy holds back at most, in bytes.
pub const FAULT_BUFFER_BYTES_MAX: u64 = 64 * 1024;
/// The furthest place in a body where `faults=cut=` resets the connection, in bytes.
pub const FAULT_CUT_BYTES_MAX: u64 = UPLOAD_BYTES_MAX;
/// The latest time at which `faults=cut_after=` resets the connection, in milliseconds.
pub const FAULT_CUT_AFTER_MS_MAX: u64 = 10 * 60 * 1000;
/// The highest speed of `faults=slow_read=`, in bytes a second.
pub const FAULT_SLOW_READ_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// How long faults act on one exchange at most, in seconds: what is left of it then goes on without them.
pub const FAULTS_S_MAX: u64 = 60 * 60;
/// How many bytes of one exchange and direction are on their way late at once, in bytes.
pub const FAULT_LINE_BYTES_MAX: usize = 256 * 1024;
/// How many exchanges may have faults at once.
pub const FAULTY_EXCHANGES_MAX: usize = 2_000;
/// How many of them may be from one address: a whole class may sit behind one.
pub const FAULTY_EXCHANGES_PER_ADDRESS_MAX: usize = 1_000;
/// How many faults of one exchange a run is told.
pub const FAULT_EVENTS_MAX: u32 = 1_000;

/// The longest topic name, in characters.
pub const TOPIC_NAME_MAX: usize = 128;
/// The largest message, in bytes.
pub const MESSAGE_BYTES_MAX: u64 = 64 * 1024;
/// How many messages a topic keeps unless told otherwise.
pub const HISTORY_COUNT: usize = 10_000;
/// How many bytes of messages a topic keeps unless told otherwise.
pub const HISTORY_BYTES: u64 = 16 * 1024 * 1024;
/// How long a topic keeps a message unless told otherwise, in seconds.
pub const HISTORY_AGE_S: u64 = 24 * 60 * 60;
/// The most messages a topic can be told to keep.
pub const HISTORY_COUNT_MAX: u64 = 1_000_000;
/// The most bytes of messages a topic can be told to keep.
pub const HISTORY_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// The longest a topic can be told to keep a message, in seconds.
pub const HISTORY_AGE_S_MAX: u64 = 7 * 24 * 60 * 60;
/// How many messages `GET …/messages` answers at most.
pub const MESSAGES_LIMIT_MAX: usize = 1_000;
/// How many messages `GET …/messages` answers unless told otherwise.
pub const MESSAGES_LIMIT: usize = 100;
/// How long `GET …/messages` waits at most, in seconds.
pub const MESSAGES_WAIT_S_MAX: u64 = 60;
/// How long an event stream is silent before it sends a comment, in seconds.
pub const SSE_HEARTBEAT_S: u64 = 15;
/// How long a client of an event stream should wait before it connects again, in milliseconds.
pub const SSE_RETRY_MS: u64 = 1_000;
/// The longest `Idempotency-Key`, in bytes.
pub const IDEMPOTENCY_KEY_MAX: usize = 255;
/// How many idempotency keys are remembered at once.
pub const IDEMPOTENCY_KEYS_MAX: usize = 500_000;
/// How long an `Idempotency-Key` is remembered, in seconds.
pub const IDEMPOTENCY_S: u64 = 10 * 60;
/// How many topics there may be at once.
pub const TOPICS_MAX: usize = 10_000;
/// How many of them may have been begun from one address: a whole class may sit behind one.
pub const TOPICS_PER_ADDRESS_MAX: usize = 5_000;
/// How much memory the messages of all topics together may take, in bytes: past it the largest topics lose their oldest.
pub const TOPICS_MEMORY_MAX: u64 = 1024 * 1024 * 1024;
/// How long a topic without subscribers must be unused before it makes room for a new one, in seconds.
pub const TOPIC_IDLE_S: u64 = 10 * 60;
/// How many subscribers one topic may have at once, over all transports.
pub const SUBSCRIBERS_PER_TOPIC_MAX: usize = 20_000;
/// How many subscribers there may be from one address at once, over all topics and transports: a whole class may sit
/// behind one.
pub const SUBSCRIBERS_PER_ADDRESS_MAX: usize = 10_000;
/// How many topics may be kept on disk.
pub const DISK_TOPICS_MAX: usize = 1_000;
/// How many messages may wait for the disk at once.
pub const DISK_QUEUE_MAX: usize = 4_096;
/// How many messages go out in one write at most. What is ready beyond them follows in the next.
pub const DELIVERY_MESSAGES_MAX: usize = 1_000;
/// How many bytes of messages, as they are encoded, go out in one write at most, unless one message alone is larger.
pub const DELIVERY_BYTES_MAX: usize = 64 * 1024;
/// The largest frame that a subscriber may send up a topic's WebSocket, in bytes: the largest message, escaped as JSON.
pub const SOCKET_FRAME_BYTES_MAX: usize = 6 * 64 * 1024 + 4 * 1024;
/// How many publishes of one WebSocket may be under way at once; beyond, the server reads no further.
pub const SOCKET_PUBLISHES_MAX: usize = 64;
/// How long a WebSocket's peer may be silent before it is pinged, in seconds.
pub const SOCKET_PING_S: u64 = 20;
/// How long it may be silent before it is given up, in seconds.
pub const SOCKET_SILENCE_S: u64 = 60;
/// The least time between two frames that say who is there, in milliseconds.
pub const PRESENCE_GAP_MS: u64 = 250;
/// The largest message that `/api/socket/echo` sends back, in bytes.
pub const SOCKET_ECHO_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How many bytes of messages all sockets of `/api/socket/echo` together may hold, in bytes.
pub const SOCKET_ECHO_MEMORY_MAX: usize = 512 * 1024 * 1024;
/// How many bytes of them those from one address may hold, in bytes: a whole class may sit behind one.
pub const SOCKET_ECHO_MEMORY_PER_ADDRESS_MAX: usize = 256 * 1024 * 1024;

/// How many subscribers one swarm of the race has at most.
pub const SWARM_SUBSCRIBERS_MAX: u64 = 1_000;
/// How many subscribers all swarms on this server have together.
pub const SWARM_SUBSCRIBERS_IN_ALL_MAX: u64 = 4_000;
/// How many of them may be asked for from one address: a whole class may sit behind one.
pub const SWARM_SUBSCRIBERS_PER_ADDRESS_MAX: u64 = 2_000;
/// How long a swarm stays at most, in seconds.
pub const SWARM_S_MAX: u64 = 5 * 60;
/// How long a swarm waits at its end for what is still on its way, in seconds.
pub const SWARM_LAST_S: u64 = 5;
/// At what interval the short polls of a swarm are sent, in milliseconds.
pub const SWARM_POLL_MS: u64 = 1_000;
/// How many swarms are remembered, those that are over among them.
pub const SWARMS_MAX: usize = 200;

/// The largest file an upload may be, in bytes.
pub const UPLOAD_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// How many bytes all uploads together may take, in bytes.
pub const UPLOADS_TOTAL_MAX: u64 = 10 * 1024 * 1024 * 1024;
/// How many of them the uploads from one address may take, in bytes: a whole class may sit behind one.
pub const UPLOADS_PER_ADDRESS_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;
/// How many parts may be joined to a file.
pub const UPLOAD_PARTS_MAX: usize = 100;
/// How long an upload may take to finish, and how long a finished one is kept, in seconds.
pub const UPLOAD_AGE_S: u64 = 24 * 60 * 60;
/// How many uploads there may be at once, finished or not.
pub const UPLOADS_MAX: usize = 20_000;
/// How many of them may be unfinished.
pub const UNFINISHED_UPLOADS_MAX: usize = 2_000;
/// How many of them may be from one address: a whole class may sit behind one.
pub const UNFINISHED_UPLOADS_PER_ADDRESS_MAX: usize = 1_000;
/// How long an unfinished upload must be untouched before it makes room for a new one where there are too many, in
/// seconds.
pub const UPLOAD_IDLE_S: u64 = 60 * 60;
/// How long an upload's `Upload-Metadata` may be, in bytes.
pub const UPLOAD_METADATA_MAX: usize = 4 * 1024;
/// How large a file may be to be decoded for a preview, in bytes.
pub const PREVIEW_FILE_MAX: u64 = 128 * 1024 * 1024;
/// How many bytes a decoded picture may take, in bytes.
pub const PREVIEW_DECODED_MAX: u64 = 512 * 1024 * 1024;
/// How many pixels a picture may have to be decoded for a preview.
pub const PREVIEW_PIXELS_MAX: u64 = 100_000_000;
/// The longest side of a preview, in pixels.
pub const PREVIEW_SIDE: u32 = 1_024;

/// How many runs the server keeps at once.
pub const RUNS_MAX: usize = 2_000;
/// How many runs that no page has opened (curl came first) are kept at once.
pub const UNOPENED_RUNS_MAX: usize = 200;
/// How many events one run holds.
pub const RUN_EVENTS_MAX: usize = 20_000;
/// How many events a run holds that no page has opened.
pub const UNOPENED_RUN_EVENTS_MAX: usize = 500;
/// How many bytes one run's events may take, in bytes of their JSON.
pub const RUN_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How many bytes all runs together may take, in bytes of their events' JSON; past it the quietest go first.
pub const RUNS_BYTES_MAX: usize = 512 * 1024 * 1024;
/// How many subscribers a look into a topic tells of, one by one.
pub const INSIDE_CURSORS_MAX: usize = 100;
/// How many of them a page that looks all the time is told of.
pub const INSIDE_LIVE_CURSORS_MAX: usize = 20;
/// How many subscribers a look can ask for by their exchanges.
pub const INSIDE_MINE_MAX: usize = 16;
/// At how many places of a topic's log a look counts the subscribers, at most.
pub const INSIDE_PLACES_MAX: u64 = 100;
/// How many of those who left a look tells of.
pub const INSIDE_GONE_MAX: usize = 10;
/// The least time between two looks that a page is told, in milliseconds.
pub const INSIDE_GAP_MS: u64 = 250;
/// How many feeds may follow one run at once.
pub const FEEDS_PER_RUN_MAX: usize = 2_000;
/// The largest frame that a browser may send up a feed, in bytes.
pub const FEED_FRAME_BYTES_MAX: usize = 256 * 1024;
/// How many events one frame up a feed may carry.
pub const FEED_FRAME_EVENTS_MAX: usize = 1_000;
/// The largest `detail` of one event that a browser may send, in bytes of its JSON.
pub const FEED_DETAIL_BYTES_MAX: usize = 16 * 1024;
/// How long a run is kept after its last event, in seconds.
pub const RUN_AGE_S: u64 = 60 * 60;
/// How many bytes of one message (head and body together, each direction) a run records, in bytes.
pub const RECORDED_MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// How many bytes one event's `data` holds, in bytes before encoding.
pub const EVENT_DATA_BYTES_MAX: usize = 8 * 1024;
