package retune.loop.authoring;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import retune.runtime.Settings;

/**
 * What to do with a new loop, up to its first day.
 *
 * @param days where the days come from
 * @param yesterday the day that a first run works on
 */
record NextSteps(
    String name,
    Path report,
    Path loopFile,
    DaySource days,
    LocalDate yesterday,
    Settings settings) {

  /** Sentences and commands, in their order. */
  List<String> sentences() throws IOException {
    List<String> next = new ArrayList<>();
    next.add("Read the report: " + report);
    switch (days) {
      case DaySource.Files _ -> {}
      case DaySource.Queries() ->
          next.add(
              "A day has what users ask: ./retune serving --model %s --query-log".formatted(name));
      case DaySource.Distribution() ->
          next.add(
              "Days are generated from the table's distribution. For real rows, change 'data' in %s as its comment says."
                  .formatted(loopFile));
      case DaySource.HeldBack heldBack ->
          next.add(
              "Days are drawn from %d texts that the first training did not see. For real rows, change 'data' in %s as its comment says."
                  .formatted(heldBack.texts(), loopFile));
    }
    boolean known = folders().contains(folder());
    next.add(
        "Run a first day: ./retune run-loop %s --date %s%s"
            .formatted(name, yesterday, known ? "" : " --loops " + loopFile.resolveSibling("")));
    next.add(
        known
            ? "Run it daily: in Airflow, switch on %s, then trigger %s for %s."
                .formatted(dags(), dag("data_pipeline"), yesterday)
            : "Run it daily: copy %s into airflow/dags/loops, or add its folder to RETUNE_LOOPS, so that Airflow finds it."
                .formatted(loopFile));
    return next;
  }

  private String dags() throws IOException {
    return String.join(
        ", ",
        dag("data_pipeline"),
        dag("model_evaluation_pipeline"),
        dag("model_deployment_pipeline"));
  }

  /** The only loop has the pipelines' own names. */
  private String dag(String pipeline) throws IOException {
    return isOnly() ? pipeline : pipeline + "." + name;
  }

  private boolean isOnly() throws IOException {
    long files = 0;
    for (Path folder : folders()) {
      if (Files.isDirectory(folder)) {
        try (Stream<Path> list = Files.list(folder)) {
          files += list.filter(file -> file.toString().endsWith(".yaml")).count();
        }
      }
    }
    return files == 1;
  }

  /** The folders that Airflow reads. */
  private List<Path> folders() {
    List<Path> folders = new ArrayList<>();
    settings
        .find("RETUNE_HOME")
        .ifPresent(home -> folders.add(absolute(Path.of(home, "airflow/dags/loops"))));
    for (String more : settings.find("RETUNE_LOOPS").orElse("").split(File.pathSeparator, -1)) {
      if (!more.isBlank()) {
        folders.add(absolute(Path.of(more)));
      }
    }
    return folders;
  }

  private Path folder() {
    return absolute(loopFile.resolveSibling(""));
  }

  private static Path absolute(Path folder) {
    return folder.toAbsolutePath().normalize();
  }
}
