import { render } from "preact";
import { Toasts } from "../kit/components/toast";
import { route } from "../kit/route";
import { applySettings } from "../kit/settings";
import { AlarmsPage } from "./alarms_page";
import { BackupsPage } from "./backups_page";
import { BinPage } from "./bin_page";
import { resume, signedIn } from "./connection";
import { CrashesPage, CrashPage } from "./crash_reports";
import { Frame } from "./frame";
import { InstancePage } from "./instance_page";
import { JobPage, JobsPage } from "./jobs_page";
import { LoginPage } from "./login";
import { MonitorPage } from "./monitor_page";
import { NewInstancePage } from "./new_instance";
import { NotFound } from "./not_found";
import { OverviewPage } from "./overview";
import { Palette } from "./palette";
import { platform } from "./platform";
import { PlatformRestorePage } from "./platform_restore_page";
import { ProcessPage } from "./process_page";
import { RenamePage } from "./rename_page";
import { RestorePage } from "./restore_page";
import { ServicePage } from "./service_page";
import { SettingsPage } from "./settings_page";
import { StoreAppPage, StorePage } from "./store_page";
import { t } from "./texts";

function Page() {
  const [first, second, third] = route.value.path;
  switch (first) {
    case undefined:
      return <OverviewPage />;
    case "store":
      return second === undefined ? <StorePage /> : <StoreAppPage id={second} />;
    case "service":
      return <ServicePage id={second ?? ""} tab={third} />;
    case "instance":
      return <InstancePage key={second} id={second ?? ""} tab={third} />;
    case "new":
      return <NewInstancePage key={route.value.query.get("service")} />;
    case "jobs":
      return second === undefined ? <JobsPage /> : <JobPage key={second} id={second} />;
    case "backups":
      return <BackupsPage tab={second} id={third} />;
    case "rename":
      return <RenamePage />;
    case "restore":
      return <RestorePage />;
    case "restore-platform":
      return <PlatformRestorePage />;
    case "monitoring":
      return <MonitorPage tab={second} />;
    case "alarms":
      return <AlarmsPage tab={second} />;
    case "bin":
      return <BinPage />;
    case "crashes":
      return second === undefined ? <CrashesPage /> : <CrashPage key={second} id={second} />;
    case "settings":
      return <SettingsPage tab={second} />;
    case "platform":
      return <ProcessPage name={second ?? ""} />;
    default:
      return <NotFound what={t("notFound.page")} />;
  }
}

function Manager() {
  return (
    <>
      {signedIn.value ? <Frame>{platform.value ? <Page /> : <div class="card skeleton" />}</Frame> : <LoginPage />}
      {signedIn.value && platform.value && <Palette />}
      <Toasts closeLabel={t("act.close")} />
    </>
  );
}

applySettings();
resume();
render(<Manager />, document.getElementById("app")!);
