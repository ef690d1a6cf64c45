// Theme, density, language: the same choices on the login page and in the account menu.
import { Segmented } from "../kit/components/field";
import { density, language, theme } from "../kit/settings";
import { t } from "./texts";

export function AppearanceRows() {
  return (
    <>
      <div class="row">
        <span>{t("look.theme")}</span>
        <Segmented
          label={t("look.theme")}
          value={theme.value}
          choices={[
            ["system", t("look.system")],
            ["light", t("look.light")],
            ["dark", t("look.dark")],
          ]}
          onChange={(value) => {
            theme.value = value;
          }}
        />
      </div>
      <div class="row">
        <span>{t("look.density")}</span>
        <Segmented
          label={t("look.density")}
          value={density.value}
          choices={[
            ["comfortable", t("look.comfortable")],
            ["compact", t("look.compact")],
          ]}
          onChange={(value) => {
            density.value = value;
          }}
        />
      </div>
      <LanguageRow />
    </>
  );
}

function LanguageRow() {
  return (
    <div class="row">
      <span>{t("look.language")}</span>
      <LanguageChoice />
    </div>
  );
}

function LanguageChoice() {
  return (
    <Segmented
      label={t("look.language")}
      value={language.value}
      choices={[
        ["en", "English"],
        ["de", "Deutsch"],
      ]}
      onChange={(value) => {
        language.value = value;
      }}
    />
  );
}

export const AppearanceMenu = LanguageChoice;
