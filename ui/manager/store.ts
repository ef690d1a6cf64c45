// The store's list as last fetched, and which installations run.
import { computed, effect, signal } from "@preact/signals";
import type { GetStoreResult, Job } from "./api";
import { ask } from "./connection";
import { platform, runningJobs } from "./platform";

export const storeList = signal<GetStoreResult | undefined>(undefined);
/** Why the list could not even be asked for. */
export const storeError = signal<string | undefined>(undefined);

export async function loadStore(refresh: boolean): Promise<void> {
  try {
    storeList.value = await ask("GetStore", refresh ? { refresh } : {});
    storeError.value = undefined;
  } catch (error) {
    storeError.value = error instanceof Error ? error.message : String(error);
  }
}

const connected = computed(() => platform.value !== undefined);
const installed = computed(() =>
  [...(platform.value?.services.values() ?? [])].map((service) => `${service.id} ${service.build}`).join(),
);
effect(() => {
  // What is installed changed: so did the store's `state`.
  installed.value;
  if (connected.value) void loadStore(false);
});

export const updatesAvailable = computed(
  () => storeList.value?.apps.filter((app) => app.state.updateAvailable).length ?? 0,
);

export function runningInstall(id: string): Job | undefined {
  return runningJobs.value.find((job) => (job.kind === "install" || job.kind === "update") && job.target === id);
}
