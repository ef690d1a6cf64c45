import { useState } from "preact/hooks";
import { LanguageChoice } from "../kit/components/appearance";
import { Button } from "../kit/components/button";
import { Checkbox, TextInput } from "../kit/components/field";
import { Icon } from "../kit/icons";
import { link, signIn } from "./connection";
import { t } from "./texts";

export function LoginPage() {
  const [password, setPassword] = useState("");
  const [keep, setKeep] = useState(true);
  const state = link.state.value;
  const busy = state.name === "connecting" || state.name === "loggingIn";
  const submit = (event: Event) => {
    event.preventDefault();
    if (!busy && password) signIn(password, keep);
  };
  return (
    <main class="login">
      <div class="login-corner">
        <LanguageChoice />
      </div>
      <form class="card" onSubmit={submit}>
        <img src="logo.svg" width={40} height={40} alt="" />
        <div>
          <h1>{t("login.title")}</h1>
          <p class="muted">{location.host}</p>
        </div>
        <input type="text" name="username" value="Admin" autocomplete="username" readOnly hidden />
        <TextInput
          label={t("login.password")}
          name="password"
          type="password"
          autocomplete="current-password"
          value={password}
          onInput={setPassword}
          autofocus
          error={state.name === "refused" ? t("login.wrong") : undefined}
          hint={t("login.hint")}
        />
        <Checkbox checked={keep} onChange={setKeep}>
          {t("login.keep")}
        </Checkbox>
        <Button type="submit" kind="primary" disabledReason={busy ? t("login.busy") : !password && t("login.empty")}>
          {busy ? t("login.checking") : t("login.submit")}
        </Button>
        <p class="login-state" role="status">
          {state.name === "loggingIn" && <span class="muted">{t("login.slow")}</span>}
          {state.name === "waiting" && (
            <>
              <Icon name="unplug" /> {t("login.unreachable")}
            </>
          )}
        </p>
      </form>
      {location.protocol === "http:" && (
        <p class="login-note">
          <Icon name="alert" /> {t("login.http")}
        </p>
      )}
    </main>
  );
}
