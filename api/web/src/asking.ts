/** Ask the server while one types: after a pause, and only the latest question counts. */
import type { FoundFeature } from "./contract";
import { fetchFound, type Trouble, troubleOf } from "./server";

const PAUSE_MS = 200;

export interface Asking {
  ask(words: string): void;
  cancel(): void;
}

/** ``show`` receives the features found for the words, ``fail`` why there is no answer. */
export function asking(
  show: (found: FoundFeature[], words: string) => void,
  fail: (trouble: Trouble) => void,
): Asking {
  let latest = new AbortController();
  const answer = async (words: string, { signal }: AbortController): Promise<void> => {
    await new Promise((resolve) => window.setTimeout(resolve, PAUSE_MS));
    if (signal.aborted) return;
    try {
      const { features } = await fetchFound(words, signal);
      if (!signal.aborted) show(features, words);
    } catch (error) {
      if (!signal.aborted) fail(troubleOf(error));
    }
  };
  const ask = (words: string): void => {
    latest.abort();
    latest = new AbortController();
    if (words) void answer(words, latest);
  };
  return { ask, cancel: () => latest.abort() };
}
