package retune.runtime;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** The text of {@code --help}, and the same as Markdown. */
final class ManualPage {
  private ManualPage() {}

  /** The list of all steps by pipeline. */
  static String ofProgram(List<StepDefinition> steps) {
    StringBuilder page = new StringBuilder();
    page.append(
        """
        Retune evaluates a model in production every day, fine-tunes it when it falls short, and
        promotes what is proven better.

        Usage: ./retune STEP [--flag value …] [--input JSON|@file|-] [--xcom FILE]
               ./retune STEP --help      the step's manual page
               ./retune store --help     the embedded document store
               ./retune test_steps DIR   run the tests of custom steps with JUnit
        """);
    for (Pipeline pipeline : Pipeline.values()) {
      List<StepDefinition> members =
          steps.stream().filter(step -> step.about().pipeline() == pipeline).toList();
      if (!members.isEmpty()) {
        page.append("\n%s – %s\n".formatted(label(pipeline), pipeline.title()));
        members.forEach(
            step -> page.append("  %-28s%s%n".formatted(step.name(), firstSentence(step.about()))));
      }
    }
    return page.toString();
  }

  /** One step's manual page. */
  static String ofStep(StepDefinition step) {
    StringBuilder page = new StringBuilder();
    page.append("%s – %s%n%n".formatted(step.name(), label(step.about().pipeline())));
    page.append(TextPage.wrap(step.about().value(), 0)).append('\n');
    page.append(
        "\nUsage: ./retune %s %s[--flag value …] [--input JSON|@file|-] [--xcom FILE]%n"
            .formatted(step.name(), positional(step)));
    page.append("\nInputs (as flags, or as JSON with names in snake_case):\n");
    for (InputField field : step.inputs()) {
      page.append("  %s %s%n".formatted(field.flag(), type(field)));
      page.append(TextPage.wrap(field.description() + note(field), 6)).append('\n');
    }
    page.append(
        """

        Common flags:
          --input JSON|@file|-   inputs as one JSON object: inline, from a file, or from standard
                                 input; flags override it
          --xcom FILE            write the result to FILE instead of standard output
          --print text|json      print the result as a page, if it has one, or as JSON; the default is
                                 text on a terminal, else json
        """);
    if (YesOrNo.class.isAssignableFrom(step.output())) {
      page.append(
          "  --exit-code            end with %d where the answer is no%n"
              .formatted(ExitCode.NO.number()));
    }
    page.append(
        """
          --help                 print this page

        Output (one JSON object):
        """);
    for (InputField field : step.outputs()) {
      page.append("  %s %s%n".formatted(field.name(), type(field)));
      page.append(TextPage.wrap(field.description(), 6)).append('\n');
    }
    page.append("\nExit codes:\n");
    for (ExitCode code : ExitCode.values()) {
      page.append("  %-4d%s%n".formatted(code.number(), code.meaning()));
    }
    page.append("\nEnvironment:\n");
    page.append(
        "  RETUNE_MONGO_URI         address of the document store (default %s)%n"
                .formatted(Settings.DEFAULT_MONGO_URI)
            + "  RETUNE_MONGO_URI_FILE    file that holds the address instead%n".formatted()
            + "  All settings: docs/reference/settings.md%n".formatted());
    page.append("\nExample:\n  ./retune %s %s%n".formatted(step.name(), step.about().example()));
    return page.toString();
  }

  /** The allowed numbers: {@code a number from 0 to 1}. */
  static String range(InputField field) {
    if (Double.isInfinite(field.maximum())) {
      return "a number of at least " + number(field.minimum());
    }
    if (Double.isInfinite(field.minimum())) {
      return "a number of at most " + number(field.maximum());
    }
    return "a number from %s to %s".formatted(number(field.minimum()), number(field.maximum()));
  }

  static String type(InputField field) {
    if (field.choices().isEmpty()) {
      return field.kind().id();
    }
    String choices = String.join("|", field.choices());
    return field.kind() == InputField.Kind.ARRAY ? "list of " + choices : choices;
  }

  /** The input that needs no flag, as the usage line shows it. */
  private static String positional(StepDefinition step) {
    return step.inputs().stream()
        .filter(InputField::positional)
        .map(field -> field.name().toUpperCase(Locale.ROOT) + " ")
        .findFirst()
        .orElse("");
  }

  private static String note(InputField field) {
    String range = field.hasRange() ? "; " + range(field) : "";
    String need =
        field.required()
            ? " (required)"
            : field.defaultText().map(" (default %s)"::formatted).orElse("");
    return range + need;
  }

  private static String number(double value) {
    String text = value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
    return text.replace(".0E", "e");
  }

  private static String label(Pipeline pipeline) {
    return pipeline.name().toLowerCase(Locale.ROOT);
  }

  private static String firstSentence(About about) {
    String[] sentences = about.value().split("(?<=\\.) ", 2);
    return sentences[0];
  }

  /** The steps' reference as Markdown. */
  static String markdown(List<StepDefinition> steps) {
    StringBuilder page =
        new StringBuilder(
            "# Steps\n\n"
                + "Generated from the steps' declarations; `./retune STEP --help` prints the same."
                + " A container reads and writes files in a mounted folder: [run one"
                + " step](../how-to/run-one-step.md).\n");
    for (Pipeline pipeline : Pipeline.values()) {
      List<StepDefinition> members =
          steps.stream().filter(step -> step.about().pipeline() == pipeline).toList();
      if (!members.isEmpty()) {
        page.append("\n## %s\n\n%s.\n".formatted(capitalised(label(pipeline)), pipeline.title()));
      }
      for (StepDefinition step : members) {
        page.append("\n### %s\n\n%s\n".formatted(step.name(), step.about().value()));
        page.append("\n    ./retune %s %s\n".formatted(step.name(), step.about().example()));
        if (step.about().hasImage()) {
          page.append(
              "    docker run --rm --network host retune/%s %s\n"
                  .formatted(step.name().replace('_', '-'), step.about().example()));
        }
        page.append("\n| input | type | default | meaning |\n|---|---|---|---|\n");
        page.append(
            step.inputs().stream()
                .map(
                    field ->
                        "| `%s` | %s | %s | %s |\n"
                            .formatted(
                                field.flag(),
                                type(field).replace("|", ", "),
                                field.required()
                                    ? "required"
                                    : field.defaultText().map("`%s`"::formatted).orElse(""),
                                field.description()
                                    + (field.hasRange() ? "; " + range(field) : "")))
                .collect(Collectors.joining()));
        page.append("\n| output | type | meaning |\n|---|---|---|\n");
        page.append(
            step.outputs().stream()
                .map(
                    field ->
                        "| `%s` | %s | %s |\n"
                            .formatted(
                                field.name(), type(field).replace("|", ", "), field.description()))
                .collect(Collectors.joining()));
      }
    }
    return page.toString();
  }

  private static String capitalised(String word) {
    return word.substring(0, 1).toUpperCase(Locale.ROOT) + word.substring(1);
  }
}
