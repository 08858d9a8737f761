// The review: which face is shown, what was said of it, and what a key does.

import { Faces } from "/faces.js";
import { Outbox, ask } from "/outbox.js";
import { $, clearPicture, counted, drawEvidence, drawFinished, drawKeys, drawPicture, drawStamp, element, precision, spoken } from "/view.js";

const SHOWN_MS = 150;
const PULSE_MS = 3000;
const AHEAD = 6;
const UNDECIDED = { ruling: "withdrawn", label: null };

const faces = new Faces();
const filter = { given: "", suggested: "", verdict: "", undecided: false };
const said = new Map(); // row -> {version, ruling, label}: what stands, and what is on its way
let desk, annotator, outbox, tabs;
let current = null; // row
let shown = false; // whether its picture is there to be judged
let flash = 0; // timer while a decision is shown
let history = []; // {row, before}: what undo takes back
let revision = 0;
let counts = null;
let silent = false; // the server did not answer the last pulse
let told = ""; // what is read aloud with the next face

// What stands

const standing = (row) => said.get(row) ?? { version: 0, ...UNDECIDED };
const isOpen = (row) => standing(row).ruling === "withdrawn";
const isDecided = (row) => !["withdrawn", "skip"].includes(standing(row).ruling);

function matches(row) {
  const place = desk.place.get(row);
  return ["given", "suggested", "verdict"].every((name) => !filter[name] || desk[name][place] === filter[name]);
}

const filtered = () => desk.rows.filter(matches);
const listed = () => (filter.undecided ? filtered().filter((row) => isOpen(row) || row === current) : filtered());

/** Rows that come after the current one, open ones only, and then those before it. */
function upcoming() {
  const rows = filtered();
  const from = rows.indexOf(current) + 1;
  return [...rows.slice(from), ...rows.slice(0, from)].filter((row) => row !== current && isOpen(row));
}

// Showing

async function show(row) {
  current = row;
  shown = false;
  document.body.classList.remove("done");
  $("finished").hidden = true;
  let face = faces.at(row);
  if (!face) {
    clearPicture("");
    drawStamp("");
    drawTop();
    face = await loadUntilThere(row);
    if (!face) return; // another one is asked for by now
  }
  drawPicture(face, `The face to decide, ${$("place").textContent}`);
  if (!desk.blind) drawEvidence(face, desk.classes);
  $("others").textContent = "";
  shown = true;
  drawState();
  document.documentElement.dataset.row = row;
  announce(face);
  faces.ahead([...upcoming().slice(0, AHEAD), ...neighbours(row)]);
}

async function loadUntilThere(row) {
  while (current === row) {
    try {
      return await faces.load(row);
    } catch {
      setSilent(true);
      clearPicture("Waiting for the server.");
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

function neighbours(row) {
  const rows = listed();
  const at = rows.indexOf(row);
  return [rows[at - 1], rows[at + 1]].filter((each) => each !== undefined);
}

/** What the decision of the current face looks like. */
function drawState() {
  const face = faces.at(current);
  const now = standing(current);
  drawStamp(isOpen(current) ? "" : spoken(now.ruling, now.label));
  if (face) drawKeys(face, now, { blind: desk.blind, pictured: Boolean(face.picture.image), classes: desk.classes });
  drawTop();
}

function drawTop() {
  const rows = listed();
  const all = filtered();
  const at = rows.indexOf(current);
  const done = all.filter(isDecided).length;
  const skipped = all.filter((row) => standing(row).ruling === "skip").length;
  $("place").textContent = current === null || at < 0 ? `${all.length.toLocaleString("en")} faces` : `${(at + 1).toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
  $("decided").textContent = `${done.toLocaleString("en")} decided${skipped ? `, ${skipped.toLocaleString("en")} skipped` : ""}`;
  $("line").style.width = `${all.length ? (100 * (done + skipped)) / all.length : 0}%`;
  $("precision").textContent = counts ? precision(counts.sitting) : desk.blind ? "Blind: the precision is shown at the end" : "";
  $("help-ever").textContent = counts ? `In this sitting: ${precision(counts.sitting)}. On these faces ever: ${precision(counts.ever)}.` : "";
  $("undo").setAttribute("aria-disabled", String(history.length === 0));
  document.title = `${$("place").textContent} · labelaudit review`;
  drawSaved();
}

function drawSaved() {
  const pending = outbox.pending;
  const kept = `${counted(pending, "decision is", "decisions are")} kept in this browser`;
  let [kind, words, why] = ["", "Saved", ""];
  if (outbox.trouble || (silent && pending)) {
    [kind, words, why] = ["is-failing", `${pending} not saved`, `${outbox.trouble || "The server does not answer."} ${kept} and sent again.`];
  } else if (silent) {
    [kind, words, why] = ["is-failing", "No answer", "The server does not answer. What you decide is kept in this browser until it does."];
  } else if (outbox.parked.length) {
    [kind, words, why] = ["is-failing", `${outbox.parked.length} not saved`, `${kept}: this review does not ask about ${outbox.parked.length === 1 ? "its face" : "their faces"}.`];
  } else if (pending) {
    [kind, words] = ["is-waiting", "Saving"];
  } else if (said.size === 0) {
    words = "Ready";
  }
  const saved = $("saved");
  saved.className = `saved ${kind}`;
  if (saved.textContent !== words) saved.textContent = words;
  notice("server", why);
}

const notices = new Map();

/** Says something in the line below the top; each subject has one sentence at most. */
function notice(subject, words, ...actions) {
  if ((notices.get(subject)?.words ?? "") === words) return;
  words ? notices.set(subject, { words, actions }) : notices.delete(subject);
  const last = [...notices.values()].at(-1);
  $("notice").replaceChildren(...(last ? [last.words, ...last.actions] : []));
}

function announce(face) {
  const given = desk.blind ? "" : ` Given ${face.given ?? "nothing"}. ${face.suggested === null ? "No suggestion." : `Suggested ${face.suggested}.`}`;
  const now = isOpen(current) ? "" : ` You said ${spoken(standing(current).ruling, standing(current).label)}.`;
  $("announcer").textContent = `${told}Face ${$("place").textContent}.${given}${now}`;
  told = "";
}

function setSilent(is) {
  if (silent === is) return;
  silent = is;
  drawSaved();
}

// Deciding

function decide(ruling, label) {
  if (!shown || flash || current === null) return;
  if (ruling === "label" && !desk.classes.includes(label)) return; // nothing is suggested, or the page is blind
  const row = current;
  const before = standing(row);
  notice("elsewhere", "");
  notice("undo", "");
  if (before.ruling !== ruling || before.label !== label) {
    history.push({ row, before });
    write(row, { ruling, label });
  }
  told = `${spoken(ruling, label)}. `;
  drawState();
  flash = setTimeout(goOn, SHOWN_MS);
}

function write(row, { ruling, label }) {
  const { version } = standing(row);
  said.delete(row); // so that it stands last
  said.set(row, { version: version + 1, ruling, label });
  outbox.add({ row, ruling, label, annotator, seen: version });
}

/** The next face that is open, or the end. */
function goOn() {
  flash = 0;
  const from = performance.now();
  const next = upcoming()[0];
  if (next === undefined) return finish();
  show(next);
  if (shown) performance.measure("next face", { start: from, end: performance.now() });
}

function undo() {
  clearTimeout(flash);
  flash = 0;
  notice("elsewhere", "");
  const last = history.pop();
  if (!last) return notice("undo", "There is nothing to take back.");
  const now = standing(last.row);
  if (now.ruling !== last.before.ruling || now.label !== last.before.label) write(last.row, last.before);
  told = "Taken back. ";
  show(last.row);
}

function look(step) {
  if (flash || current === null) return;
  const rows = listed();
  const next = rows[rows.indexOf(current) + step];
  if (next !== undefined) show(next);
}

function finish() {
  current = null;
  shown = false;
  const all = filtered();
  const rulings = all.map((row) => [row, standing(row)]);
  const skipped = rulings.filter(([, now]) => now.ruling === "skip").length;
  const of = (wanted) => rulings.filter(([row, now]) => wanted(now, desk.place.get(row))).length;
  const label = (now) => now.ruling === "label";
  const rows = desk.blind
    ? [["given a class", of(label)]]
    : [
        ["suggestion accepted", of((now, k) => label(now) && now.label === desk.suggested[k] && now.label !== desk.given[k])],
        ["given label kept", of((now, k) => label(now) && now.label === desk.given[k])],
        ["given another class", of((now, k) => label(now) && now.label !== desk.given[k] && now.label !== desk.suggested[k])],
      ];
  rows.push(["ambiguous", of((now) => now.ruling === "ambiguous")], ["not a face", of((now) => now.ruling === "not_a_face")], ["skipped", skipped]);
  const everything = all.length === desk.rows.length;
  const title = all.length === 0 ? "No face is left with this filter" : everything ? `All ${counted(all.length, "face is", "faces are")} decided` : `All ${counted(all.length, "face", "faces")} of this filter decided`;
  drawFinished({ title: skipped ? title.replace("decided", "seen") : title, counts, rows: rows.filter(([, n]) => n), skipped, filtered: !everything });
  document.body.classList.add("done");
  $("finished").hidden = false;
  delete document.documentElement.dataset.row;
  drawTop();
  $("announcer").textContent = `${told}${$("finished-title").textContent}.`;
  told = "";
  $("finished").focus();
}

function lookAtSkipped() {
  const rows = filtered().filter((row) => standing(row).ruling === "skip");
  for (const row of rows) write(row, UNDECIDED);
  history = history.filter(({ row }) => !rows.includes(row));
  if (rows.length) show(rows[0]);
}

async function showOthers() {
  if (current === null) return;
  const row = current;
  if (desk.blind && !isDecided(row)) return void ($("others").textContent = "Decide first: this review is blind.");
  const answer = await ask(`/api/faces/${row}/others?annotator=${encodeURIComponent(annotator)}`).catch(() => null);
  if (row !== current || !answer) return;
  const said = (answer.body.others ?? []).map((each) => `${each.name}: ${spoken(each.ruling, each.label)}`);
  $("others").textContent = said.length ? `Others said: ${said.join(", ")}.` : "Nobody else has decided this face.";
}

// What the server says

const events = {
  changed: drawSaved,
  written(decision, answer) {
    if (decision.annotator !== annotator) return;
    const alone = answer.revision <= revision + 1;
    silent = false;
    revision = answer.revision;
    counts = answer.counts;
    if (!alone) refresh();
    tabs?.postMessage(annotator);
    if (current === null) finish(); // its figures have changed
    else drawTop();
  },
  refused(decision, answer) {
    if (decision.annotator !== annotator) return;
    said.set(decision.row, { version: answer.version, ruling: answer.ruling, label: answer.label });
    history = history.filter(({ row }) => row !== decision.row);
    const stands = answer.ruling === "withdrawn" ? "taken back" : `“${spoken(answer.ruling, answer.label)}”`;
    const tried = decision.ruling === "withdrawn" ? "Your undo" : `“${spoken(decision.ruling, decision.label)}”`;
    const go = element("button", { type: "button", textContent: "Look at it" });
    go.addEventListener("click", () => show(decision.row));
    notice("elsewhere", `${tried} was not saved: this face was decided in another window meanwhile, ${stands} stands.`, go);
    refresh();
  },
};

/** Takes over what stands, apart from what is on its way. */
async function refresh() {
  const answer = await ask(`/api/progress?annotator=${encodeURIComponent(annotator)}`).catch(() => null);
  if (!answer || answer.status !== 200) return;
  if (answer.body.revision < revision) return void refresh(); // older than what was written meanwhile
  ({ revision, counts } = answer.body);
  said.clear();
  for (const [row, version, ruling, label] of answer.body.decisions) said.set(row, { version, ruling, label });
  for (const { row, ruling, label, seen } of outbox.waiting) {
    const version = Math.max(standing(row).version, seen + 1); // it may be written and its answer under way
    said.delete(row);
    said.set(row, { version, ruling, label });
  }
  if (current !== null) drawState();
  else if (!$("finished").hidden) (upcoming().length ? goOn : finish)();
}

async function pulse() {
  if (document.hidden) return;
  const answer = await ask(`/api/pulse?annotator=${encodeURIComponent(annotator)}`).catch(() => null);
  setSilent(!answer);
  if (answer?.status === 401) notice("token", "The server was started anew: open the address that it printed.");
  if (answer?.status === 200) notice("token", "");
  if (answer?.status === 200 && answer.body.revision !== revision && !outbox.sending) refresh();
}

// Beginning

async function begin() {
  const answer = await ask("/api/desk").catch(() => null);
  if (answer?.status !== 200) {
    $("notice").textContent = answer ? `This page cannot begin: ${answer.body.error}.` : "The server does not answer. Trying again.";
    if (!answer) setTimeout(begin, 1000);
    return;
  }
  $("notice").textContent = "";
  desk = answer.body;
  desk.place = new Map(desk.rows.map((row, place) => [row, place]));
  document.body.classList.toggle("blind", desk.blind);
  drawClasses();
  fillFilter();
  const before = desk.annotator ?? recall(sessionStorage, "annotator") ?? recall(localStorage, "labelaudit annotator");
  before ? beginAs(before) : askName();
}

async function beginAs(name) {
  annotator = name;
  keep(sessionStorage, "annotator", name);
  keep(localStorage, "labelaudit annotator", name);
  $("name").textContent = name;
  $("open-name").disabled = desk.annotator !== null;
  outbox = new Outbox(`labelaudit ${desk.report} ${name}`, events);
  tabs ??= "BroadcastChannel" in window ? new BroadcastChannel(`labelaudit ${desk.report}`) : null;
  if (tabs) tabs.onmessage = ({ data }) => data === annotator && refresh();
  current = null;
  revision = 0;
  await refresh();
  history = [...said].filter(([row]) => !isOpen(row)).map(([row]) => ({ row, before: UNDECIDED }));
  document.body.classList.remove("starting");
  outbox.send();
  const next = upcoming()[0];
  next === undefined ? finish() : show(next);
}

function askName() {
  $("known").hidden = desk.annotators.length === 0;
  $("known").replaceChildren(...desk.annotators.map(({ name, decided }) => {
    const button = element("button", { type: "button", textContent: `${name}, ${decided.toLocaleString("en")} decided` });
    button.addEventListener("click", () => {
      $("name-input").value = name;
      $("name-form").requestSubmit();
    });
    return button;
  }));
  $("name-input").value = annotator ?? "";
  $("name-dialog").showModal();
  $("name-input").select();
}

function drawClasses() {
  const numbered = desk.classes.slice(0, 9).map((label, k) => {
    const button = element("button", { type: "button" }, element("kbd", { textContent: k + 1 }), element("span", { textContent: label }));
    button.dataset.label = label;
    button.setAttribute("aria-keyshortcuts", k + 1);
    button.addEventListener("click", () => press(button, () => decide("label", label)));
    return button;
  });
  const find = element("button", { type: "button", id: "find-class" }, element("kbd", { textContent: "/" }), element("span", { textContent: `All\u00a0${desk.classes.length}\u00a0…` }));
  find.setAttribute("aria-keyshortcuts", "/");
  find.addEventListener("click", findClass);
  $("classes").replaceChildren(...numbered, ...(desk.classes.length > 9 ? [find] : []));
}

// Finding a class by its name

function findClass() {
  if (!shown) return;
  $("class-input").value = "";
  drawFound();
  $("class-dialog").showModal();
}

function drawFound() {
  const typed = $("class-input").value.trim().toLowerCase();
  const rank = (label) => (label.toLowerCase().startsWith(typed) ? 0 : 1);
  const found = desk.classes.filter((label) => label.toLowerCase().includes(typed)).sort((one, other) => rank(one) - rank(other));
  $("class-list").replaceChildren(...found.map((label, k) => {
    const item = element("li", { id: `found-${k}`, textContent: label, role: "option" });
    item.setAttribute("aria-selected", String(k === 0));
    item.addEventListener("click", () => choose(label));
    return item;
  }));
  $("class-input").setAttribute("aria-activedescendant", found.length ? "found-0" : "");
}

function moveFound(step) {
  const items = [...$("class-list").children];
  const at = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
  const next = items[at + step];
  if (!next) return;
  items[at].setAttribute("aria-selected", "false");
  next.setAttribute("aria-selected", "true");
  next.scrollIntoView({ block: "nearest" });
  $("class-input").setAttribute("aria-activedescendant", next.id);
}

function choose(label) {
  $("class-dialog").close();
  if (label !== undefined) decide("label", label);
}

// Filters

function fillFilter() {
  if (desk.blind) return;
  const option = (value, text) => element("option", { value, textContent: text });
  for (const name of ["given", "suggested", "verdict"]) {
    const present = new Map();
    for (const value of desk[name]) if (value !== null) present.set(value, (present.get(value) ?? 0) + 1);
    $(`filter-${name}`).replaceChildren(option("", "any"), ...[...present].sort().map(([value, n]) => option(value, `${value} (${n.toLocaleString("en")})`)));
  }
}

function chosenFilter() {
  return { given: $("filter-given").value, suggested: $("filter-suggested").value, verdict: $("filter-verdict").value, undecided: $("filter-undecided").checked };
}

function countFilter() {
  const before = { ...filter };
  Object.assign(filter, chosenFilter());
  $("filter-count").textContent = `${counted(filtered().filter((row) => !filter.undecided || isOpen(row)).length, "face", "faces")}.`;
  Object.assign(filter, before);
}

function openFilter() {
  for (const name of ["given", "suggested", "verdict"]) $(`filter-${name}`).value = filter[name];
  $("filter-undecided").checked = filter.undecided;
  countFilter();
  $("filter-dialog").showModal();
}

function applyFilter(chosen) {
  Object.assign(filter, chosen);
  const named = [filter.given && `given ${filter.given}`, filter.suggested && `suggested ${filter.suggested}`, filter.verdict, filter.undecided && "undecided"].filter(Boolean);
  $("filter-name").textContent = named.length ? `Filter: ${named.length}` : "Filter";
  $("open-filter").title = named.join(", ");
  if (current !== null && matches(current)) return void show(current);
  current = null;
  goOn();
}

// Keys and buttons

const isUsable = (button) => button.getAttribute("aria-disabled") !== "true";
const press = (button, act) => isUsable(button) && act();

function flipPixels() {
  $("frame").classList.toggle("bare");
  keep(localStorage, "labelaudit bare", $("frame").classList.contains("bare") ? "yes" : "");
}

const acts = {
  accept: () => decide("label", faces.at(current).suggested),
  keep: () => decide("label", faces.at(current).given),
  ambiguous: () => decide("ambiguous", null),
  "not-a-face": () => decide("not_a_face", null),
  skip: () => decide("skip", null),
  undo,
  "open-filter": openFilter,
  "open-help": () => $("help-dialog").showModal(),
  "open-name": askName,
  again: lookAtSkipped,
  unfilter: () => applyFilter({ given: "", suggested: "", verdict: "", undecided: false }),
  "from-start": () => show(filtered()[0] ?? desk.rows[0]),
};
const buttonOf = { a: "accept", k: "keep", m: "ambiguous", n: "not-a-face", s: "skip", u: "undo", Backspace: "undo", f: "open-filter", "?": "open-help" };
const actOf = { ArrowLeft: () => look(-1), ArrowRight: () => look(1), o: showOthers, p: flipPixels, "/": findClass };

function onKey(event) {
  if (event.defaultPrevented || event.repeat || event.altKey || document.querySelector("dialog[open]") || document.body.classList.contains("starting")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) {
    if (key === "z") act(event, undo);
    return;
  }
  if (key.length === 1 && !$("single-keys").checked && key !== "?") return;
  const digit = /^[1-9]$/.test(key) ? key : /^Digit[1-9]$/.test(event.code) && !buttonOf[key] && !actOf[key] ? event.code.at(-1) : "";
  if (digit) {
    const button = $("classes").querySelectorAll("[data-label]")[digit - 1];
    if (button) act(event, () => press(button, () => decide("label", button.dataset.label)));
  } else if (buttonOf[key]) {
    act(event, () => press($(buttonOf[key]), acts[buttonOf[key]]));
  } else if (actOf[key]) {
    act(event, actOf[key]);
  }
}

function act(event, what) {
  event.preventDefault();
  what();
}

function recall(storage, key) {
  try {
    return storage.getItem(key) || undefined;
  } catch {
    return undefined;
  }
}

function keep(storage, key, value) {
  try {
    storage.setItem(key, value);
  } catch {
    // A browser that keeps nothing asks again next time.
  }
}

for (const [id, act] of Object.entries(acts)) $(id).addEventListener("click", () => press($(id), act));
document.addEventListener("keydown", onKey);
document.addEventListener("visibilitychange", () => annotator && pulse());
window.addEventListener("beforeunload", (event) => outbox?.pending && event.preventDefault());
$("name-dialog").addEventListener("cancel", (event) => annotator ?? event.preventDefault());
$("name-form").addEventListener("submit", () => {
  const name = $("name-input").value.trim();
  if (name && name !== annotator) beginAs(name);
  else if (!name) setTimeout(askName);
});
$("filter-form").addEventListener("submit", () => applyFilter(chosenFilter()));
$("filter-form").addEventListener("change", countFilter);
$("filter-clear").addEventListener("click", () => {
  $("filter-dialog").close();
  acts.unfilter();
});
$("class-form").addEventListener("submit", () => choose($("class-list").querySelector("[aria-selected=true]")?.textContent));
$("class-input").addEventListener("input", drawFound);
$("class-input").addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") act(event, () => moveFound(event.key === "ArrowDown" ? 1 : -1));
});
$("single-keys").checked = recall(localStorage, "labelaudit single keys") !== "no";
$("single-keys").addEventListener("change", () => keep(localStorage, "labelaudit single keys", $("single-keys").checked ? "yes" : "no"));
$("frame").classList.toggle("bare", recall(localStorage, "labelaudit bare") === "yes");
window.history.replaceState(null, "", "/"); // the token is in the cookie by now, and not to be seen over a shoulder
setInterval(() => annotator && pulse(), PULSE_MS);
begin();
