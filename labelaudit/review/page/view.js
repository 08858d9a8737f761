// Draws what it is given. Parts are made once and filled anew, so nothing jumps and focus stays where it is.

export const $ = (id) => document.getElementById(id);

const SOURCES = [
  ["confidence", "all together"],
  ["confidence_peer1", "network 1"],
  ["confidence_peer2", "network 2"],
  ["confidence_ridge", "ridge"],
  ["confidence_neighbours", "neighbours"],
];
const LIKELIEST = 4;
const WORDS = { ambiguous: "ambiguous", not_a_face: "not a face", skip: "skipped" };

/** What was decided, in words. */
export const spoken = (ruling, label) => (ruling === "label" ? label : WORDS[ruling]);

/** A probability without false certainty. */
export function percent(share) {
  if (share > 0.99) return ">\u00a099\u00a0%";
  if (share < 0.01) return "<\u00a01\u00a0%";
  return rounded(share);
}

const rounded = (share) => `${Math.round(100 * share)}\u00a0%`;

export const counted = (n, singular, plural) => `${n.toLocaleString("en")} ${n === 1 ? singular : plural}`;

/** "32 of 37 given labels wrong: 86 % (72 to 94 %)" */
export function precision({ counted: n, wrong, share, low, high }) {
  if (!n) return "No given label judged yet";
  return `${wrong.toLocaleString("en")} of ${counted(n, "given label", "given labels")} wrong: ${rounded(share)} (${Math.round(100 * low)} to ${Math.round(100 * high)}\u00a0%)`;
}

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function fill(list, made) {
  $(list).replaceChildren(...made);
}

function bar(name, share, { kind = "", total = false, clean = null, noisy = null } = {}) {
  const filled = element("i");
  filled.style.width = `${100 * share}%`;
  const track = element("span", { className: "bar" }, filled);
  for (const [mark, at] of [["noisy", noisy], ["clean", clean]]) {
    if (at === null) continue;
    const tick = element("b", { className: mark, title: mark === "noisy" ? `noisy up to ${rounded(at)}` : `clean from ${rounded(at)}` });
    tick.style.left = `${100 * at}%`;
    track.append(tick);
  }
  const row = element("li", { className: [kind, total ? "total" : ""].join(" ").trim() });
  row.append(element("span", { textContent: name, title: name }), track, element("span", { textContent: percent(share) }));
  return row;
}

/** Everything about a face that is not blind. */
export function drawEvidence(face, classes) {
  const shares = face.shares;
  const zone = shares.confidence === null || face.noisy === null ? "undetermined"
    : shares.confidence <= face.noisy ? "mislabelled" : shares.confidence < face.clean ? "ambiguous" : "clean";
  $("given").textContent = face.given ?? "none";
  $("mark").setAttribute("href", `#mark-${face.verdict === "unreadable" ? "undetermined" : face.verdict}`);
  $("mark").parentElement.setAttribute("class", `mark is-${face.verdict}`);
  $("verdict").textContent = face.verdict === "mislabelled" ? `likely mislabelled${face.p === null ? "" : `, ${percent(face.p)}`}` : face.verdict;
  fill("given-bars", SOURCES.filter(([name]) => shares[name] !== null).map(([name, words]) =>
    bar(words, shares[name], { kind: `is-${zone}`, total: name === "confidence", clean: face.clean, noisy: face.noisy })));
  fill("thresholds", face.noisy === null ? [] : [
    element("b"), `noisy up to ${rounded(face.noisy)}`, element("b", { className: "clean" }), `clean from ${rounded(face.clean)}`]);
  $("suggested").textContent = face.suggested ?? "no other class";
  const ranked = (face.posterior ?? []).map((share, k) => [classes[k], share]).sort((one, other) => other[1] - one[1]).slice(0, LIKELIEST);
  fill("class-bars", ranked.map(([name, share]) =>
    bar(name, share, { kind: name === face.suggested ? "is-suggested is-own" : name === face.given ? `is-${zone}` : "" })));
  $("reason").textContent = face.reason ? `${face.reason[0].toUpperCase()}${face.reason.slice(1)}.` : "";
  $("file").textContent = face.name;
  $("file").title = face.name;
  drawSimilar(face);
}

function drawSimilar(face) {
  const agreeing = face.similar.filter((each) => each.label === face.given).length;
  fill("similar-faces", face.similar.map(({ label, picture }) => {
    const shown = picture.image ?? element("div", { className: "gap", title: picture.why });
    if (picture.image) shown.alt = "";
    const name = element("span", { textContent: label ?? "no label" });
    return element("li", {}, shown, element("p", { className: label === face.suggested ? "is-own" : "" }, name));
  }));
  $("similar-note").textContent = face.similar.length
    ? `${agreeing} of these ${face.similar.length} have the given label.`
    : "This run does not know which faces look alike.";
}

/** The picture, or why there is none. */
export function drawPicture(face, alt) {
  const frame = $("frame");
  frame.querySelector("img")?.remove();
  const { image, why } = face.picture;
  if (image) {
    image.alt = alt;
    frame.prepend(image);
  }
  $("missing").hidden = Boolean(image);
  $("missing").textContent = image ? "" : `No picture: ${why}. Skip it, or name its dataset with --dataset.`;
}

export function clearPicture(words) {
  $("frame").querySelector("img")?.remove();
  $("missing").hidden = false;
  $("missing").textContent = words;
}

/** What stands decided, over the picture; nothing where nothing does. */
export function drawStamp(words) {
  $("stamp").hidden = !words;
  $("stamp").textContent = words;
}

/** The buttons for a face: which is pressed, which can be. */
export function drawKeys(face, said, { blind, pictured, classes }) {
  const label = said?.ruling === "label" ? said.label : undefined;
  const usable = (button, yes) => button.setAttribute("aria-disabled", String(!yes));
  const pressed = (button, yes) => button.setAttribute("aria-pressed", String(yes));
  if (!blind) {
    $("accept-label").textContent = face.suggested ?? "";
    $("keep-label").textContent = face.given ?? "";
    usable($("accept"), pictured && face.suggested !== null);
    usable($("keep"), pictured && classes.includes(face.given));
    pressed($("accept"), label !== undefined && label === face.suggested);
    pressed($("keep"), label !== undefined && label === face.given);
  }
  for (const button of $("classes").querySelectorAll("[data-label]")) {
    usable(button, pictured);
    pressed(button, button.dataset.label === label);
    button.classList.toggle("is-given", !blind && button.dataset.label === face.given);
    button.classList.toggle("is-suggestion", !blind && button.dataset.label === face.suggested);
  }
  for (const [id, ruling] of [["ambiguous", "ambiguous"], ["not-a-face", "not_a_face"], ["skip", "skip"]]) {
    usable($(id), pictured || ruling === "skip");
    pressed($(id), said?.ruling === ruling);
  }
}

/** The end: what was decided, how many given labels were wrong, and where to go. */
export function drawFinished({ title, counts, rows, skipped, filtered }) {
  $("finished-title").textContent = title;
  $("finished-precision").textContent = counts ? `${precision(counts.ever)}.` : "";
  fill("finished-counts", rows.map(([words, n]) => element("li", {}, element("b", { textContent: n.toLocaleString("en") }), words)));
  $("finished-next").textContent = "End the review with Ctrl-C in the terminal: it says how these decisions become labels.";
  $("again").hidden = skipped === 0;
  $("unfilter").hidden = !filtered;
}
