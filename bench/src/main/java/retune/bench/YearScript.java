package retune.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import retune.core.distribution.Drill;

/**
 * What happens to a loop's data in a year: stretches of days, one after the other.
 *
 * @param days one entry for each day
 */
record YearScript(List<Stretch> stretches, List<Day> days) {
  private static final int YEAR = 365;
  private static final double MISSING = 0.5;
  private static final double COVARIATES = 0.5;
  private static final double CONCEPT = 0.3;
  private static final double CREEPING = 0.4;
  private static final double NOISE = 0.4;
  private static final int STEPS = 8;

  /** Greatest change of a stretch's length from one seed to the next, as a share. */
  private static final double JITTER = 0.2;

  /**
   * What rows and their true labels are drawn from.
   *
   * @param tilted whether rows with high values in the two least relevant columns are more
   *     frequent, which leaves the relation of columns and label as it is
   */
  record Population(Drill drill, boolean tilted) {
    static final Population ORDINARY = new Population(Drill.NONE, false);

    static Population of(Drill.Kind kind, double strength) {
      return new Population(new Drill(kind, strength), false);
    }

    String id() {
      return tilted
          ? "tilted"
          : "%s-%s".formatted(drill.kind(), drill.strength()).toLowerCase(Locale.ROOT);
    }
  }

  /** Days that belong together; {@code population} is that of the last of them. */
  record Stretch(String name, int first, int days, Population population) {}

  /**
   * A day.
   *
   * @param noise share of the recorded labels that are drawn anew from the class shares
   */
  record Day(int stretch, Population population, double noise) {}

  /** The share of a year that a stretch takes, and what it is. */
  private record Part(String name, int days, Population population, double noise, int steps) {}

  private static final List<Part> PARTS =
      List.of(
          part("quiet", 35),
          new Part("harmless drift", 30, new Population(Drill.NONE, true), 0, 1),
          part("quiet", 20),
          new Part("concept drift", 50, Population.of(Drill.Kind.CONCEPT_DRIFT, CONCEPT), 0, 1),
          part("ordinary again", 30),
          new Part("label noise", 20, Population.ORDINARY, NOISE, 1),
          part("quiet", 15),
          new Part("missing values", 10, Population.of(Drill.Kind.MISSING_BURST, MISSING), 0, 1),
          part("quiet", 20),
          new Part(
              "covariate drift", 50, Population.of(Drill.Kind.COVARIATE_DRIFT, COVARIATES), 0, 1),
          part("ordinary again", 15),
          new Part(
              "creeping concept drift",
              70,
              Population.of(Drill.Kind.CONCEPT_DRIFT, CREEPING),
              0,
              STEPS));

  private static Part part(String name, int days) {
    return new Part(name, days, Population.ORDINARY, 0, 1);
  }

  /** All populations that a year has. */
  static List<Population> populations() {
    return PARTS.stream()
        .flatMap(part -> IntStream.range(0, part.steps).mapToObj(step -> step(part, step)))
        .distinct()
        .toList();
  }

  /**
   * The year of a seed, by which each stretch is up to a fifth longer or shorter; the last one
   * takes the days that are left.
   *
   * @param days of the year; a shorter one has shorter stretches
   */
  static YearScript of(int days, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Stretch> stretches = new ArrayList<>();
    List<Day> all = new ArrayList<>();
    for (Part part : PARTS) {
      double length = part.days * (1 + JITTER * (2 * random.nextDouble() - 1)) * days / YEAR;
      boolean last = part.equals(PARTS.getLast());
      int count = last ? days - all.size() : Math.max(1, (int) Math.round(length));
      stretches.add(new Stretch(part.name, all.size(), count, part.population));
      for (int day = 0; day < count; day++) {
        // A creeping drift is complete after half of its days.
        int step = Math.min(part.steps - 1, 2 * part.steps * day / count);
        all.add(new Day(stretches.size() - 1, step(part, step), part.noise));
      }
    }
    return new YearScript(stretches, all);
  }

  private static Population step(Part part, int step) {
    Drill drill = part.population.drill();
    return part.steps == 1
        ? part.population
        : Population.of(drill.kind(), drill.strength() * (step + 1) / part.steps);
  }
}
