/** A value that tells its watchers when it changes. */
export interface Watched<T> {
  get(): T;
  set(value: T): void;
  watch(watcher: (value: T) => void): void;
}

export function watched<T>(first: T): Watched<T> {
  let current = first;
  const watchers: ((value: T) => void)[] = [];
  return {
    get: () => current,
    set: (value) => {
      if (Object.is(value, current)) return;
      current = value;
      for (const watcher of watchers) watcher(value);
    },
    watch: (watcher) => void watchers.push(watcher),
  };
}
