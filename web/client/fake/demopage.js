// The demo page of the real `bff dev`: importing this starts both for the tests of a file.
import { after, afterEach, before } from "node:test";
import { launch, shut, watched } from "./browser.js";
import { dev, signIn } from "./dev.js";

/** The browser and `bff dev`, for all tests of a file. */
export let browser, bff;
let open;
before(async () => {
  bff = await dev();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await bff?.stop();
});
afterEach(async () => {
  await shut(open?.context);
  open = undefined;
  await bff.do("reset");
});

/** The demo page, signed in unless `person` is "". */
export async function visit({ person = "ada", path = "/", provider, ...options } = {}) {
  const w = (open = await watched(browser, provider ? [bff.url, bff.provider] : bff.url, options));
  if (person) await signIn(w.context, bff.url, person);
  await w.page.goto(bff.url + path);
  await w.page.locator(person ? "#sign-out" : "#sign-in").waitFor();
  return w;
}

export const week = (page, name) => page.getByRole("region", { name: name + "'s week" });

/** What a person does at the provider. */
export async function agree(page, name) {
  await page.waitForURL(bff.provider + "/**");
  const choice = page.getByRole("button", { name });
  const allow = page.getByRole("button", { name: /^(Allow|Continue)$/ });
  await choice.or(allow).first().waitFor();
  if (await choice.count()) await choice.click();
  await allow.click();
}

export async function inPopup(page, click, name) {
  const [popup] = await Promise.all([page.waitForEvent("popup"), click()]);
  const closed = popup.waitForEvent("close");
  await agree(popup, name);
  await closed;
}

/** The tests of pages that open some themselves have them closed with the others. */
export const watch = async (origin, options) => (open = await watched(browser, origin, options));
