import { render } from "preact";
import { Toasts } from "../../../ui/kit/components/toast";
import { applySettings } from "../../../ui/kit/settings";
import { BoardsPage } from "./boards_page";
import { loaded, signedIn, start } from "./connection";
import { LoginPage } from "./login_page";
import { t } from "./texts";

function Notes() {
  return (
    <>
      {signedIn.value || loaded.value ? <BoardsPage /> : <LoginPage />}
      <Toasts closeLabel={t("close")} />
    </>
  );
}

applySettings();
start();
render(<Notes />, document.getElementById("app")!);
