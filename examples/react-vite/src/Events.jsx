import { useEffect, useState } from "react";
import { bff } from "./bff.js";

export function Events() {
  const [events, setEvents] = useState();
  const [problem, setProblem] = useState();

  useEffect(() => {
    const over = new AbortController();
    load(over.signal).then(setEvents, (e) => over.signal.aborted || setProblem(e.message));
    return () => over.abort();
  }, []);

  if (problem) return <p>The calendar cannot be read at the moment: {problem}</p>;
  if (!events) return <p>…</p>;
  return (
    <ul>
      {events.map((e) => (
        <li key={e.id}>
          {e.summary}{" "}
          <time>
            {new Date(e.start.dateTime ?? e.start.date).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })}
          </time>
        </li>
      ))}
    </ul>
  );
}

/** A cookie goes along, no token. */
async function load(signal) {
  const query = new URLSearchParams({
    timeMin: new Date().toISOString(),
    singleEvents: "true",
    orderBy: "startTime",
    maxResults: "10",
  });
  const answer = await bff.fetch("/api/calendar/calendars/primary/events?" + query, { signal });
  if (!answer.ok) throw new Error(answer.headers.get("BFF-Error") ?? answer.statusText);
  return (await answer.json()).items;
}
