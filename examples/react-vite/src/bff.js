import { createClient } from "bff-client";

// "popup": when a call needs the person (signed out elsewhere, access revoked, one more permission), ask and go on.
export const bff = createClient({ onFix: "popup" });
