// What a thing is called, and what the tooltip says of it.

const bads = ["failed", "invalid-payload", "crashed", "component-not-found", "unavailable", "dropped"];
const lates = ["timeout", "cancelled", "requester-gone"];

/** What becomes of a call: bad, late or neither. */
function outcome(why) {
  return bads.includes(why) ? "bad" : lates.includes(why) ? "late" : "";
}

function short(text) {
  return text.length > 28 ? text.slice(0, 27) + "…" : text;
}

function lane(number, name) {
  return name !== undefined ? name : number === undefined ? "not known" : data.lanes[number];
}

/** From one step to another. */
function lasted(from, to) {
  if (from === undefined || to === undefined) return undefined;
  const micros = data.times[to] - data.times[from];
  return micros === 0 ? "less than the clock tells" : timeText(micros, 1);
}

function moment(step) {
  if (step === undefined) return undefined;
  const iso = new Date((data.start + data.times[step]) / 1000).toISOString();
  return iso.slice(11, 23) + "  (+" + timeText(data.times[step], 1) + ")";
}

/** A short text to stand beside it. */
function label(item) {
  switch (item.k) {
    case "cast": return item.bad ? (item.bad.dead ? "dead letter: " : "error: ") + item.bad.why : "";
    case "call": return outcome(item.why) ? item.why : "";
    case "denial": return "denied " + item.text + (item.whom ? " to " + short(item.whom) : "") + (item.count ? " ×" + item.count : "");
    case "life": return item.text + (item.why ? ": " + item.why : "");
    case "note": return item.text === "dropped" ? item.count + " records missing" : "";
    default: return "";
  }
}

function details(item) {
  const who = lane(item.from, item.who);
  const common = [
    ["topic", item.k === "publish" ? item.text : undefined],
    ["size", item.size], ["codec", item.codec],
  ];
  const ids = [["request", item.request], ["trace", item.trace]];
  const bad = item.bad ? [[item.bad.dead ? "dead letter" : "error", item.bad.why], ["then", moment(item.bad.at)]] : [];
  switch (item.k) {
    case "cast":
      return ["cast", [["who", who], ["whom", lane(item.to, item.whom)], ...common, ["sent", moment(item.sent)],
        ["delivered", moment(item.got) || "not seen"], ["waited", lasted(item.sent, item.got)], ...bad, ...ids]];
    case "call":
      return ["call" + (item.why ? ": " + item.why : ""), [["who", who], ["whom", lane(item.to, item.whom)], ...common,
        ["sent", moment(item.sent)], ["delivered", moment(item.got) || "not seen"],
        ["waited", lasted(item.sent, item.got)], ["cancelled", moment(item.cancelled)], ["ended", moment(item.end) || "not seen"],
        ["took", lasted(item.sent, item.end)], ["answer", item.answer],
        ["callback", moment(item.back)], ...bad, ...ids]];
    case "publish": {
      const copies = item.copies.slice(0, 12).map((copy) => ["to " + copy.whom,
        copy.bad ? (copy.bad.dead ? "dead letter: " : "error: ") + copy.bad.why
          : lasted(item.sent, copy.got) ? "after " + lasted(item.sent, copy.got) : moment(copy.got)]);
      if (item.copies.length > 12) copies.push(["and", item.copies.length - 12 + " more"]);
      return ["publish", [["who", who], ...common, ["sent", moment(item.sent)],
        ["copies", item.copies.length || "nobody got it"], ...copies, ...ids]];
    }
    case "denial":
      return ["denied: " + item.text, [["who", who], ["target", item.whom], ["why", item.why], ["times", item.count],
        ["size", item.size], ["at", moment(item.sent)], ...ids]];
    case "life":
      return [item.text, [["whom", who], ["why", item.why], ["by", item.whom], ["incarnation", item.count],
        ["more", item.more], ["at", moment(item.sent)]]];
    default:
      return [item.text, [["who", item.from === undefined && item.who === undefined ? undefined : who],
        [item.text.endsWith("subscribe") ? "pattern" : item.text === "dropped" ? "why" : "what", item.why],
        [item.text.endsWith("subscribe") ? "group" : "by", item.more],
        ["records", item.count], ["at", moment(item.sent)]]];
  }
}
