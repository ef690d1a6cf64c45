// A small file system of its own, to be filled.
import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { is_root, temporary_folder } from "./platform";

export function can_mount(): boolean {
  if (!is_root) return false;
  const at = temporary_folder("berth-mount");
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "berth-test", at], { stdio: "ignore" });
    execFileSync("umount", [at]);
    return true;
  } catch {
    return false;
  }
}

/** A file system of `bytes`, ext4 in a file where the kernel lets us, else in memory. */
export class SmallDisk {
  readonly at = temporary_folder("berth-disk");
  private image: string | undefined;
  constructor(bytes: number) {
    const image = join(temporary_folder("berth-image"), "disk");
    const fd = openSync(image, "w");
    ftruncateSync(fd, bytes);
    closeSync(fd);
    try {
      execFileSync("mkfs.ext4", ["-q", "-m", "0", image], { stdio: "ignore" });
      execFileSync("mount", ["-o", "loop", image, this.at], { stdio: "ignore" });
      this.image = image;
    } catch {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes},mode=755`, "berth-test", this.at]);
    }
  }
  get free(): number {
    const info = statfsSync(this.at);
    return Number(info.bavail) * Number(info.bsize);
  }
  /** Takes all room but `leave` bytes. */
  fill(leave: number): void {
    const fd = openSync(join(this.at, "filler"), "a");
    const block = Buffer.alloc(65_536, 1);
    try {
      while (this.free > leave) writeSync(fd, block, 0, Math.min(block.length, Math.max(4_096, this.free - leave)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    } finally {
      closeSync(fd);
    }
  }
  empty(): void {
    rmSync(join(this.at, "filler"), { force: true });
  }
  unmount(): void {
    try {
      execFileSync("umount", [this.at]);
    } catch {
      execFileSync("umount", ["-l", this.at]);
    }
    if (this.image) rmSync(this.image, { force: true });
  }
}
