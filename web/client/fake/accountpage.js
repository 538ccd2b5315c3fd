// The account page over a bff that answers from memory: importing this starts both for the tests of a file.
import { after, afterEach, before } from "node:test";
import { launch, shut, watched } from "./browser.js";
import { fresh, serve } from "./server.js";

/** The browser, and a bff that answers from memory, for all tests of a file. */
export let browser, bff;
let open;
before(async () => {
  browser = await launch();
  bff = await serve();
});
after(async () => {
  await browser.close();
  bff.close();
});
afterEach(async () => {
  await shut(open?.context);
  open = undefined;
});

/** The account page, with the state that a test wants. */
export async function visit(state = {}, options = {}, path = "/bff/account") {
  Object.assign(bff.state, fresh(), state);
  const w = (open = await watched(browser, bff.url, options));
  await w.page.goto(bff.url + path);
  await w.page.locator("h1:visible, .done h1").first().waitFor();
  return w;
}
