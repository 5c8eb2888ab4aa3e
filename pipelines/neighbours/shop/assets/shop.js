// What makes the pages quicker to use. Every page works without it.
"use strict";

// A form is sent once: while the answer is on its way, its buttons rest. Where no answer comes at
// all, they wake up again; whatever is sent twice, the shop does once.
const REST_MS = 20000;
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  form.setAttribute("aria-busy", "true");
  event.submitter?.setAttribute("data-pressed", "");
  setTimeout(() => {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  }, REST_MS);
});

// The key that sent the last form, pressed once too often, must not press the next page's button.
const STRAY_MS = 400;
for (const button of document.querySelectorAll("button[autofocus], a.go[autofocus]")) {
  button.addEventListener("click", (event) => {
    if (event.detail === 0 && performance.now() < STRAY_MS) event.preventDefault();
  });
}

// A page that comes back from the browser's memory shows what was; ask for what is.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

// A scanner ends with Enter: go on to the next field, and send only from the last one.
for (const form of document.querySelectorAll("form[data-scans]")) {
  const fields = [...form.querySelectorAll("input:not([type=hidden])")];
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
    const next = fields.slice(fields.indexOf(event.target) + 1).find((field) => !field.value);
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}

// Function keys open the till's tabs, whatever language the keyboard has.
addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = document.querySelector(`a[data-key="${event.key}"]`);
  if (!link) return;
  event.preventDefault();
  link.click();
});

// Amounts offered beside a field.
for (const row of document.querySelectorAll("[data-quick]")) {
  const field = document.getElementById(row.dataset.quick);
  row.hidden = false;
  row.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    field.value = button.value;
    field.form.querySelector("input:invalid, button[type=submit]")?.focus();
  });
}

// The picture of the gift card shows the amount that is chosen.
const shown = document.querySelector("[data-shows-price]");
for (const choice of document.querySelectorAll("input[name=nominal]")) {
  choice.addEventListener("change", () => {
    if (shown && choice.dataset.price) shown.textContent = choice.dataset.price;
    if (choice.value === "own") document.getElementById("amount")?.focus();
  });
}
for (const field of document.querySelectorAll("input[data-chooses]")) {
  field.addEventListener("input", () => {
    const own = document.querySelector(`input[name=nominal][value="${field.dataset.chooses}"]`);
    if (own) own.checked = true;
    if (shown) shown.textContent = field.value || "…";
  });
}

// More and fewer pieces by a button, where fingers are large.
for (const field of document.querySelectorAll(".pieces input[type=number]")) {
  const step = (text, by) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.tabIndex = -1;
    button.setAttribute("aria-hidden", "true");
    button.addEventListener("click", () => {
      by > 0 ? field.stepUp() : field.stepDown();
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
    return button;
  };
  field.before(step("−", -1));
  field.after(step("+", 1));
}

for (const button of document.querySelectorAll("[data-prints]")) button.hidden = false;
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-prints]")) print();
});

// What changed is read aloud once, in a sentence, and not the whole page.
function say(text) {
  const said = document.getElementById("said");
  if (said && text && said.textContent !== text) said.textContent = text;
}

// Follows a stream of news. A browser keeps six connections to one host, so a page that nobody sees
// gives its one up, and goes on where it was when it is looked at again.
function follow(address, tell, sign) {
  const from = new URL(address, location.href);
  let news = null;
  const begin = () => {
    news = new EventSource(from);
    news.addEventListener("news", (event) => {
      from.searchParams.set("after", event.lastEventId);
      tell(event.data);
    });
    news.addEventListener("open", () => sign?.classList.add("on"));
    news.addEventListener("error", () => sign?.classList.remove("on"));
  };
  const end = () => {
    news?.close();
    news = null;
    sign?.classList.remove("on");
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) end();
    else if (!news) begin();
  });
  if (!document.hidden) begin();
}

// A page that is told of news asks for itself and puts in what differs.
for (const region of document.querySelectorAll("[data-live]")) {
  let asking = Promise.resolve();
  follow(region.dataset.live, () => {
    asking = asking.then(() => renew(region)).catch(() => undefined);
  });
}

async function renew(region) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector('[data-part="page"]');
  const old = region.querySelector('[data-part="page"]');
  if (!fresh || !old || fresh.outerHTML === old.dataset.raw) return;
  const raw = fresh.outerHTML;
  const focused = old.contains(document.activeElement);
  for (const each of fresh.querySelectorAll("[autofocus]")) each.removeAttribute("autofocus");
  for (const each of fresh.querySelectorAll("[data-prints]")) each.hidden = false;
  for (const each of fresh.querySelectorAll("details")) {
    each.open = [...old.querySelectorAll("details")].some((one) => one.open);
  }
  old.replaceWith(fresh);
  fresh.dataset.raw = raw;
  if (focused) fresh.querySelector("button.go, a.go")?.focus({ preventScroll: true });
  const side = page.querySelector("aside.side");
  if (side) document.querySelector("aside.side")?.replaceWith(side);
  say(fresh.dataset.say);
}

// Lists that grow while one looks at them.
for (const list of document.querySelectorAll("[data-grows]")) {
  const atStart = list.dataset.growsAt === "start";
  const most = Number(list.dataset.growsMax || 500);
  const sign = document.querySelector("[data-live-sign]");
  const pause = document.querySelector("[data-pauses]");
  let held = null;
  const put = (html) => {
    list.insertAdjacentHTML(atStart ? "afterbegin" : "beforeend", html);
    document.querySelectorAll("[data-none]").forEach((none) => (none.hidden = true));
    while (list.children.length > most) {
      (atStart ? list.lastElementChild : list.firstElementChild).remove();
    }
    if (!atStart) list.lastElementChild?.scrollIntoView({ block: "nearest" });
  };
  const tell = (html) => (held ? held.push(html) : put(html));
  follow(list.dataset.grows, tell, sign);
  if (pause) {
    pause.hidden = false;
    pause.addEventListener("click", () => {
      const kept = held;
      held = held ? null : [];
      kept?.forEach(put);
      pause.textContent = held ? pause.dataset.goOn : pause.dataset.pause;
    });
  }
  if (!atStart) list.lastElementChild?.scrollIntoView({ block: "nearest" });
}
