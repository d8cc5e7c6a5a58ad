//! The commands that do in a terminal what the controls say.

use super::knobs::{ANSWER, CHAT, JOB, Knobs, LEAVE, LEAVE_MS, LONG_POLL, REQUESTS, STREAM};
use crate::components::{
    command::{Curl, quote},
    topic::knobs::{exchange_each, publish_command, topic_path},
};

/// The commands. `topic` is the chat's.
pub fn commands(
    knobs: &Knobs,
    topic: &str,
    origin: &str,
    traceparent: &str,
) -> Vec<(&'static str, String)> {
    let order = |flags: &str| {
        let target = [origin, &knobs.order_target()].concat();
        Curl::new(flags, &target)
            .header("traceparent", traceparent)
            .header("Content-Type", "application/json")
            .body(knobs.order().as_bytes())
    };
    let each = exchange_each(traceparent);
    let job = [
        "job=",
        origin,
        "$(",
        &order("-si").finish(),
        " |\n  tr -d '\\r' | sed -n 's/^[Ll]ocation: //p')",
    ]
    .concat();
    match knobs.experiment {
        CHAT => {
            let path = [origin, &topic_path(topic)].concat();
            vec![
                (
                    "Say something in the chat",
                    publish_command(origin, topic, "Guest: from a terminal", traceparent),
                ),
                (
                    "Ask what was said",
                    [
                        "curl -s ",
                        &quote(&[&path, "/messages"].concat()),
                        " \\\n  ",
                        &each,
                    ]
                    .concat(),
                ),
                (
                    "Be told for ten seconds",
                    [
                        "curl -sN -m 10 ",
                        &quote(&[&path, "/events"].concat()),
                        " \\\n  ",
                        &each,
                    ]
                    .concat(),
                ),
            ]
        }
        JOB if knobs.is_held() => vec![("Order the job and wait for it", order("-i").finish())],
        JOB => {
            let follow = match knobs.choices[ANSWER] {
                LONG_POLL => ["curl -s -H 'Prefer: wait=60' ", &each, " $job"].concat(),
                STREAM => ["curl -sN ", &each, " $job/events"].concat(),
                _ => [
                    "for look in 1 2 3; do curl -s ",
                    &each,
                    " $job; echo; sleep 1; done",
                ]
                .concat(),
            };
            vec![
                ("Order the job, and keep where it is", job),
                ("Look after it", follow),
                ("Cancel it", ["curl -s -X DELETE ", &each, " $job"].concat()),
            ]
        }
        LEAVE => {
            // curl counts in seconds.
            let seconds = knobs.numbers[LEAVE_MS].div_ceil(1_000).to_string();
            vec![(
                "Order the job and leave",
                order("-i").option(&["-m ", &seconds].concat()).finish(),
            )]
        }
        _ => {
            let requests = knobs.numbers[REQUESTS].to_string();
            let open = [
                "for request in $(seq ",
                &requests,
                "); do curl -sN ",
                &each,
                " $job/events & done; wait",
            ];
            vec![
                ("Order the job, and keep where it is", job),
                (
                    "Open as many streams: curl has no limit of six",
                    open.concat(),
                ),
            ]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::query::Reader;

    const TRACEPARENT: &str = "00-0123456789abcdef0123456789abcdef-0000000000000001-01";

    fn all(query: &str) -> String {
        let knobs = Knobs::read(&mut Reader::new(query));
        let commands = commands(&knobs, "chat-1", "http://h:1", TRACEPARENT);
        let lines: Vec<String> = commands.into_iter().map(|(_, command)| command).collect();
        lines.join("\n")
    }

    #[test]
    fn the_commands_say_what_the_controls_say() {
        assert_eq!(
            all("experiment=leave&leave_ms=1050&then=cancel&work_ms=5000"),
            "curl -i 'http://h:1/api/jobs?answer=wait&on_disconnect=cancel' \\\n  \
             -H 'traceparent: 00-0123456789abcdef0123456789abcdef-0000000000000001-01' \\\n  \
             -H 'Content-Type: application/json' \\\n  \
             --data-raw '{\"work_ms\":5000,\"work\":\"wait\"}' \\\n  -m 2"
        );
        assert!(all("experiment=job").contains("/api/jobs?answer=wait&timeout_ms=2000"));
        let followed = all("experiment=job&answer=stream");
        assert!(
            followed.contains("job=http://h:1$(curl -si http://h:1/api/jobs "),
            "{followed}"
        );
        assert!(followed.contains("$job/events") && followed.contains("-X DELETE"));
        assert!(all("experiment=job&answer=long-poll").contains("Prefer: wait=60"));
        assert!(all("experiment=six&requests=9").contains("$(seq 9)"));
        assert!(all("").contains("http://h:1/api/topics/chat-1/events"));
    }
}
