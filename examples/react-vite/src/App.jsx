import { SignedIn, SignedOut, useSession } from "bff-client/react";
import { bff } from "./bff.js";
import { Events } from "./Events.jsx";

export function App() {
  const { data, isPending, error, refetch } = useSession();
  return (
    <main>
      <h1>What is next</h1>
      {isPending && <p>…</p>}
      {error && (
        <p>
          The server does not answer. <button onClick={refetch}>Try again</button>
        </p>
      )}
      <SignedIn>
        <p>
          Hello {data?.user?.name ?? data?.user?.email}. <a href="/bff/account">Your accounts</a>{" "}
          <button onClick={() => bff.logout()}>Sign out</button>
        </p>
        <Events />
      </SignedIn>
      <SignedOut>
        {data?.providers?.map((p) => (
          <button key={p.name} onClick={() => bff.login({ provider: p.name })}>
            Sign in with {p.title}
          </button>
        ))}
      </SignedOut>
    </main>
  );
}
