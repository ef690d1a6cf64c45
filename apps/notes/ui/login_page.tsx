import { useState } from "preact/hooks";
import { instancePath } from "../../../ui/kit/appwebsocket";
import { Button } from "../../../ui/kit/components/button";
import { TextInput } from "../../../ui/kit/components/field";
import { inPortal, link, rememberedName, signIn } from "./connection";
import { t } from "./texts";

export function LoginPage() {
  const [name, setName] = useState(rememberedName());
  const [password, setPassword] = useState("");
  const state = link.state.value;
  const busy = state.name === "connecting" || state.name === "loggingIn";
  const refused = state.name === "refused";
  if (inPortal)
    return (
      <main class="login">
        <p class={refused ? "error-text" : "muted"} role="status">
          {refused ? `${t("login.portalRefused")} ${state.error}` : t("login.portal")}
        </p>
      </main>
    );
  return (
    <main class="login">
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim() && password && !busy) signIn(name.trim(), password);
        }}
      >
        <img src="notes.svg" width={44} height={44} alt="" />
        <div>
          <h1>{t("login.title")}</h1>
          <p class="muted break">{decodeURIComponent(instancePath(location.href).slice(1))}</p>
        </div>
        <TextInput
          label={t("login.name")}
          value={name}
          onInput={setName}
          name="username"
          autocomplete="username"
          autofocus={!name}
          hint={t("login.nameHint")}
        />
        <TextInput
          label={t("login.password")}
          type="password"
          name="password"
          autocomplete="current-password"
          value={password}
          onInput={setPassword}
          autofocus={Boolean(name)}
          hint={t("login.hint")}
          error={refused ? t("login.wrong") : undefined}
        />
        <Button
          type="submit"
          kind="primary"
          disabledReason={busy ? t("login.busy") : !(name.trim() && password) && t("login.needed")}
        >
          {busy ? t("login.busy") : t("login.submit")}
        </Button>
        {state.name === "waiting" && <p class="small error-text">{t("login.unreachable")}</p>}
      </form>
    </main>
  );
}
