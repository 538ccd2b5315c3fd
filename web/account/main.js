// The page /bff/account: the account, shown on a page of its own.
import { createClient } from "/bff/client.js";
import { mount } from "./account.js";

mount(document.body, { client: createClient() });
