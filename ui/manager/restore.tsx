import { useRef, useState } from "preact/hooks";
import { Bar } from "../kit/components/bar";
import { Button } from "../kit/components/button";
import { showToast } from "../kit/components/toast";
import { percent, size } from "../kit/i18n";
import { Icon } from "../kit/icons";
import { go } from "../kit/route";
import type { Instance } from "./api";
import { type Upload, uploadRestore } from "./backup";
import { commands } from "./commands";
import { fail } from "./connection";
import { JobProgress } from "./job_progress";
import { addressOf, Command, offlineReason } from "./parts";
import { instanceKey, platform } from "./platform";
import { t } from "./texts";

/** Choose a file, send it, watch its job. Without `instance` the one named in the file comes back. */
export function RestoreUpload({ instance }: { instance?: Instance }) {
  const picker = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [sending, setSending] = useState<{ file: File; sent: number; upload?: Upload }>();
  const [jobId, setJobId] = useState<string>();
  const job = jobId === undefined ? undefined : platform.value?.jobs.get(jobId);
  const offline = offlineReason.value;

  const send = async (file: File | undefined) => {
    if (!file || sending || offline) return;
    setSending({ file, sent: 0 });
    try {
      const upload = await uploadRestore(file, instance, (sent) =>
        setSending((before) => before && { ...before, sent }),
      );
      setSending((before) => before && { ...before, upload });
      const id = await upload.done;
      setJobId(id);
      if (id === undefined) return;
      showToast({
        tone: "ok",
        text: t("restore.started", { file: file.name }),
        action: { label: t("act.show"), run: () => go(addressOf.job(id)) },
      });
    } catch (error) {
      fail(error instanceof Error && error.message === "error.connection" ? new Error(t("restore.lost")) : error);
    } finally {
      setSending(undefined);
    }
  };

  return (
    <div class="form">
      <p class="muted">
        {instance ? t("restore.into", { name: instanceKey(instance) }) : t("restore.byFile")} {t("restore.safe")}
      </p>
      <div
        class="drop"
        data-over={over || undefined}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          void send(event.dataTransfer?.files[0]);
        }}
      >
        <input
          ref={picker}
          type="file"
          hidden
          accept=".dump,.backup,application/octet-stream"
          onChange={(event) => {
            void send(event.currentTarget.files?.[0]);
            event.currentTarget.value = "";
          }}
        />
        {sending ? (
          <>
            <span class="break">
              {sending.file.name}{" "}
              <span class="muted nowrap">
                {t("restore.sent", { sent: size(sending.sent), all: size(sending.file.size) })}
              </span>
            </span>
            <Bar share={sending.file.size ? sending.sent / sending.file.size : 1} label={t("restore.uploading")} />
            <span class="row">
              {percent(sending.file.size ? sending.sent / sending.file.size : 1)}
              {sending.upload && (
                <Button small onClick={() => sending.upload?.cancel()}>
                  {t("act.cancel")}
                </Button>
              )}
            </span>
          </>
        ) : (
          <>
            <Icon name="upload" />
            <span>{t("restore.drop")}</span>
            <Button onClick={() => picker.current?.click()} disabledReason={offline}>
              {t("restore.choose")}
            </Button>
          </>
        )}
      </div>
      {job && (job.state === "running" || job.state === "waiting") && <JobProgress job={job} />}
      {job?.state === "failed" && <p class="tone-bad error-text">{job.error}</p>}
      <Command line={commands.restore("FILE.dump")} />
    </div>
  );
}
