// Where each step is, from left to right.

/**
 * Steps of even width, a bit wider where time has passed, so that what happened within a
 * millisecond can be told apart; or time to scale.
 */
function positions(times, weights, toScale) {
  const at = new Float64Array(times.length);
  if (toScale) {
    for (let i = 0; i < times.length; i++) at[i] = times[i] / 1000;
    return at;
  }
  for (let i = 1; i < times.length; i++) {
    const gap = Math.max(0, times[i] - times[i - 1]);
    at[i] = at[i - 1] + weights[i] + Math.min(4, Math.log10(1 + gap / 1000) * 1.2);
  }
  return at;
}

/** The first place in a sorted list that is not less than a value. */
function firstFrom(list, value) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
}

/** Microseconds for people, as fine as `unit` says, in microseconds. */
function timeText(micros, unit) {
  if (micros === 0) return "0";
  if (unit < 1e6 && Math.abs(micros) < 1e6) return trim(micros / 1e3) + " ms";
  if (Math.abs(micros) < 60e6) return trim(micros / 1e6) + " s";
  const seconds = micros / 1e6;
  const minutes = Math.floor(seconds / 60);
  return minutes + " min " + trim(seconds - minutes * 60) + " s";
}

function trim(number) {
  return String(Number(number.toFixed(3)));
}

/** A round number of microseconds, at least so many. */
function round(micros) {
  const seconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600].map((n) => n * 1e6);
  if (micros > 1e6) return seconds.find((n) => n >= micros) || Math.ceil(micros / 3600e6) * 3600e6;
  const power = 10 ** Math.floor(Math.log10(Math.max(micros, 1)));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= micros);
}
