// Theme, density, language: the same choices on every page.
import type { ComponentChildren } from "preact";
import { density, language, theme } from "../settings";
import { t } from "../texts";
import { Segmented } from "./field";

export function ThemeRow() {
  return (
    <Row name={t("look.theme")}>
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
    </Row>
  );
}

export function DensityRow() {
  return (
    <Row name={t("look.density")}>
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
    </Row>
  );
}

export function LanguageRow() {
  return (
    <Row name={t("look.language")}>
      <LanguageChoice />
    </Row>
  );
}

export function LanguageChoice() {
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

function Row({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="row">
      <span>{name}</span>
      {children}
    </div>
  );
}
