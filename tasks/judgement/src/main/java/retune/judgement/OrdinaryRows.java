package retune.judgement;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.IntBuffer;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Features;
import retune.core.data.Target;
import retune.core.judgement.Check;
import retune.core.judgement.Comparison;
import retune.core.judgement.Rules;
import retune.core.metrics.Predictions;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;
import retune.model.batch.FeatureCache;
import retune.model.batch.OrdinaryDays;
import retune.model.engine.Engine;
import retune.model.engine.Engines;
import retune.model.engine.Outputs;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.ProcessedBatches.Rows;

/**
 * The rows by which a loop sees what a candidate loses elsewhere: the model's reference batch, and
 * rows of the last days before the judged one on which production passed. None of them is a row
 * that the lineage of a compared version was trained on. A candidate is compared there with the
 * champion and with the {@link Anchor}.
 *
 * <p>At most {@value #MOST_ROWS_A_DAY} rows of each of {@value OrdinaryDays#MOST_DAYS} days are
 * read, spread over the day, whatever its size. What a version answers is kept as {@link
 * KeptPredictions} and not computed again.
 */
public final class OrdinaryRows {
  private static final Logger LOGGER = System.getLogger(OrdinaryRows.class.getName());

  static final int MOST_ROWS_A_DAY = 4_000;

  private static final String RETENTION = "retention_";
  private static final String ANCHOR = "anchor_";
  private static final String REFERENCE = "reference";
  private static final String DAYS = "days";

  private final StepContext context;
  private final ModelStore models;
  private final ProcessedBatch judged;
  private final String championId;
  private final Anchor anchor;
  private final Map<String, Set<String>> trainedOn = new HashMap<>();
  private final Map<Answered, AnsweredRows> answered = new HashMap<>();

  /** Found by the first comparison, for all that follow. */
  private @Nullable List<Group> groups;

  private OrdinaryRows(StepContext context, ProcessedBatch judged, String championId) {
    this.context = context;
    this.models = new ModelStore(context);
    this.judged = judged;
    this.championId = championId;
    this.anchor = Anchor.of(context, judged, championId);
  }

  /**
   * Rows of one kind.
   *
   * @param name {@code reference} or {@code days}
   * @param which the rows in words: {@code reference rows}
   * @param parts one a batch
   * @param obstacle why there are no rows, as a sentence without a full stop
   */
  private record Group(String name, String which, List<Part> parts, String obstacle) {}

  /**
   * Labelled rows of a batch.
   *
   * @param rows their positions in the batch, ascending
   */
  private record Part(
      ProcessedBatch batch, int[] rows, Features features, int[] labels, long[] hashes) {
    Part select(boolean[] left) {
      int[] kept = IntStream.range(0, rows.length).filter(row -> !left[row]).toArray();
      return kept.length == rows.length
          ? this
          : new Part(
              batch,
              Arrays.stream(kept).map(row -> rows[row]).toArray(),
              features.select(kept),
              Arrays.stream(kept).map(row -> labels[row]).toArray(),
              Arrays.stream(kept).mapToLong(row -> hashes[row]).toArray());
    }
  }

  /** Which version answered which rows. */
  private record Answered(String modelId, String batchId, IntBuffer rows) {}

  /**
   * A check that compares a candidate with another version.
   *
   * @param otherId that version
   * @param candidate the candidate's answers, one a batch; none where the check is unanswered
   * @param other that version's on the same rows
   */
  record Compared(
      Check check, String otherId, List<AnsweredRows> candidate, List<AnsweredRows> other) {
    JudgedPredictions.Compared keep(StepContext context) {
      return new JudgedPredictions.Compared(
          check.name(),
          otherId,
          candidate.stream().map(one -> one.keep(context)).toList(),
          other.stream().map(one -> one.keep(context)).toList());
    }
  }

  /**
   * The rows for candidates that might follow the champion.
   *
   * @param judged the batch that they are judged on
   */
  public static OrdinaryRows before(StepContext context, ProcessedBatch judged, String championId) {
    return new OrdinaryRows(context, judged, championId);
  }

  /** The best version ever approved, beside the champion. */
  Anchor anchor() {
    return anchor;
  }

  /**
   * The versions that answer the rows on which a candidate is judged: the candidate, the champion,
   * and the best version where the policy measures losses from it.
   */
  public Set<String> judging(String candidateId, Rules rules) {
    Set<String> versions = comparedWith(candidateId, rules);
    versions.add(candidateId);
    return versions;
  }

  /** The same where a loss is permitted on these rows whatever the policy is. */
  public Set<String> judging(String candidateId, Judgement.Asked asked) {
    Set<String> versions = new TreeSet<>(Set.of(championId, candidateId));
    if (asked.permitsLoss()) {
      anchor.beside(candidateId).ifPresent(versions::add);
    }
    return versions;
  }

  /** The versions that a candidate is compared with on the rows on which it is judged. */
  public Set<String> comparedWith(String candidateId, Rules rules) {
    Set<String> versions = new TreeSet<>(Set.of(championId));
    if (rules.policy().permitsLoss()) {
      anchor.beside(candidateId).ifPresent(versions::add);
    }
    return versions;
  }

  /** The check that says why a candidate is not compared with another version. */
  static Compared unanswered(Rules rules, String name, String otherId, InvalidInputException e) {
    String why = Objects.requireNonNull(e.getMessage()).replaceFirst("[.]$", "");
    LOGGER.log(Level.WARNING, why + ".");
    return unanswered(rules, name, otherId, why);
  }

  /** Whether the check of that name compares on ordinary rows. */
  static boolean isOnOrdinaryRows(String check) {
    return Set.of(RETENTION + REFERENCE, ANCHOR + REFERENCE, RETENTION + DAYS, ANCHOR + DAYS)
        .contains(check);
  }

  /**
   * Compares a candidate on the reference rows first and then on those of the last days, with the
   * champion and the best version. Where there are no rows, the check says so.
   */
  List<Compared> compare(Rules rules, String candidateId) {
    Optional<String> best = anchor.beside(candidateId);
    Set<String> versions = new TreeSet<>(Set.of(candidateId, championId));
    best.ifPresent(versions::add);
    return groups().stream()
        .map(group -> unseen(group, versions))
        .flatMap(
            rows ->
                rows.parts.isEmpty()
                    ? Stream.of(missing(rules, rows))
                    : Stream.concat(
                        Stream.of(
                            compare(rules, candidateId, rows, RETENTION, championId, "champion")),
                        best.stream()
                            .map(
                                id ->
                                    compare(
                                        rules,
                                        candidateId,
                                        rows,
                                        ANCHOR,
                                        id,
                                        Anchor.opponent(id)))))
        .toList();
  }

  /**
   * What a version loses to a baseline, as a comparison by hand tells it.
   *
   * @param baselineId the version in the place of the champion
   */
  public static List<Check> losses(
      StepContext context, ProcessedBatch judged, String baselineId, String newId, Rules rules) {
    OrdinaryRows ordinary = before(context, judged, baselineId);
    return ordinary.groups().stream()
        .map(group -> ordinary.unseen(group, Set.of(baselineId, newId)))
        .map(
            rows ->
                rows.parts.isEmpty()
                    ? ordinary.missing(rules, rows)
                    : ordinary.compare(rules, newId, rows, RETENTION, baselineId, "baseline"))
        .map(Compared::check)
        .toList();
  }

  private List<Group> groups() {
    if (groups == null) {
      groups = List.of(reference(), days());
    }
    return groups;
  }

  /** The rows of a group that no training of the versions has seen; none with the obstacle. */
  private Group unseen(Group group, Set<String> versions) {
    List<Part> parts =
        group.parts.stream()
            .map(part -> part.select(seen(group, part, versions)))
            .filter(part -> part.rows.length > 0)
            .toList();
    String why =
        group.parts.isEmpty()
            ? group.obstacle
            : "All %s were used to train %s".formatted(group.which, String.join(" or ", versions));
    return new Group(group.name, group.which, parts, why);
  }

  private Compared missing(Rules rules, Group group) {
    LOGGER.log(Level.INFO, group.obstacle + ".");
    return unanswered(rules, RETENTION + group.name, championId, group.obstacle);
  }

  private Compared compare(
      Rules rules, String candidateId, Group rows, String kind, String otherId, String opponent) {
    String name = kind + rows.name;
    try {
      List<AnsweredRows> candidate = answers(candidateId, rows.parts);
      List<AnsweredRows> other = answers(otherId, rows.parts);
      Comparison comparison =
          new Comparison(
              rules.gate(),
              rules.evidence(),
              Comparison.ALPHA,
              AnsweredRows.joined(candidate),
              AnsweredRows.joined(other),
              opponent);
      Check check = rules.retention().check(comparison, name, rows.which);
      return new Compared(check, otherId, candidate, other);
    } catch (InvalidInputException notMeasured) {
      return unanswered(rules, name, otherId, notMeasured);
    }
  }

  private static Compared unanswered(Rules rules, String name, String otherId, String why) {
    Check check = Check.unanswered(name, -rules.retention().limit(), why);
    return new Compared(check, otherId, List.of(), List.of());
  }

  /** Which rows of the part a training of these versions has seen. */
  private boolean[] seen(Group group, Part part, Set<String> versions) {
    Set<String> contents =
        versions.stream()
            .flatMap(
                modelId ->
                    trainedOn
                        .computeIfAbsent(modelId, id -> models.trainedOn(models.get(id)))
                        .stream())
            .collect(Collectors.toSet());
    if (group.name.equals(DAYS)) {
      boolean[] seenOfDay = DataSplit.seenRows(context, part.batch, contents);
      boolean[] seen = new boolean[part.rows.length];
      for (int row = 0; row < seen.length; row++) {
        seen[row] = seenOfDay[part.rows[row]];
      }
      return seen;
    }
    boolean[] equal = DataSplit.equalRows(context, part.hashes, contents);
    long count = IntStream.range(0, equal.length).filter(row -> equal[row]).count();
    // More than half: the table repeats few distinct rows by nature, on every day.
    return 2 * count > equal.length ? new boolean[equal.length] : equal;
  }

  private List<AnsweredRows> answers(String modelId, List<Part> parts) {
    ModelVersion version = models.get(modelId);
    version.requireHead();
    List<Part> missing = new ArrayList<>();
    for (Part part : parts) {
      Batch.require(part.batch, version);
      Answered key = answered(modelId, part);
      if (!answered.containsKey(key)) {
        KeptPredictions.find(context, version, part.batch, part.rows, part.labels)
            .ifPresentOrElse(kept -> answered.put(key, kept), () -> missing.add(part));
      }
    }
    if (!missing.isEmpty()) {
      int rows = missing.stream().mapToInt(part -> part.rows.length).sum();
      FeatureCache cache = new FeatureCache(context);
      // A candidate's own encoder, which is rarely promoted, is not worth the place.
      boolean keep = version.encoderHash().equals(models.get(championId).encoderHash());
      try (Engine engine = Engines.open(version, models.weights(version), rows)) {
        for (Part part : missing) {
          FeatureCache.Answers answers =
              cache.someOf(version, engine, part.batch, part.rows, part.features, keep);
          Predictions predictions = Outputs.of(answers.logits(), version).against(part.labels);
          answered.put(
              answered(modelId, part),
              new AnsweredRows(version, part.batch, part.rows, predictions));
        }
      }
    }
    return parts.stream().map(part -> answered.get(answered(modelId, part))).toList();
  }

  private static Answered answered(String modelId, Part part) {
    return new Answered(modelId, part.batch.batchId(), IntBuffer.wrap(part.rows));
  }

  private Group reference() {
    String id = Batch.referenceId(judged.model());
    Optional<ProcessedBatch> stored = context.store().processedBatches().find(id);
    List<Part> parts =
        stored
            .filter(batch -> batch.preprocessingHash().equals(judged.preprocessingHash()))
            .map(this::part)
            .stream()
            .toList();
    String why =
        stored.isEmpty()
            ? "%s has no reference rows".formatted(judged.model())
            : "The reference rows of %s have other features than '%s'"
                .formatted(judged.model(), judged.batchId());
    return new Group(REFERENCE, "reference rows", parts, why);
  }

  private Group days() {
    List<Part> parts =
        OrdinaryDays.before(context, judged).stream()
            .map(this::part)
            .filter(part -> part.rows.length > 0)
            .toList();
    String which =
        parts.size() == 1
            ? "ordinary rows of " + parts.getFirst().batch.batchId()
            : "ordinary rows of the %d days from %s to %s"
                .formatted(parts.size(), date(parts, parts.size() - 1), date(parts, 0));
    return new Group(
        DAYS,
        which,
        parts,
        "No earlier day on which production passed is in the store with the features of '%s'"
            .formatted(judged.batchId()));
  }

  private static @Nullable LocalDate date(List<Part> parts, int index) {
    return parts.isEmpty() ? null : parts.get(index).batch.logicalDate();
  }

  /** Reads labelled rows, evenly spread over the batch. */
  private Part part(ProcessedBatch batch) {
    boolean isReference = batch.batchId().equals(Batch.referenceId(batch.model()));
    int mostOfBlock =
        isReference
            ? OrdinaryDays.BLOCK_ROWS
            : Math.ceilDiv(MOST_ROWS_A_DAY, OrdinaryDays.blockCount(batch));
    List<Rows> chosen = new ArrayList<>();
    IntStream.Builder positions = IntStream.builder();
    OrdinaryDays.blocks(context, batch)
        .forEach(
            block -> {
              int[] rows = spread(labelled(block.rows().labels()), mostOfBlock);
              Arrays.stream(rows).forEach(row -> positions.add(block.first() + row));
              boolean isWhole = rows.length == block.rows().labels().length;
              chosen.add(isWhole ? block.rows() : block.rows().select(rows));
            });
    return new Part(
        batch,
        positions.build().toArray(),
        Features.joined(chosen.stream().map(Rows::features).toList()),
        chosen.stream().flatMapToInt(rows -> Arrays.stream(rows.labels())).toArray(),
        chosen.stream().flatMapToLong(rows -> Arrays.stream(rows.rowHashes())).toArray());
  }

  private static int[] labelled(int[] labels) {
    return IntStream.range(0, labels.length)
        .filter(row -> labels[row] != Target.UNLABELLED)
        .toArray();
  }

  /** At most so many of the rows, evenly spread. */
  private static int[] spread(int[] rows, int most) {
    int count = Math.min(rows.length, most);
    return IntStream.range(0, count)
        .map(i -> rows[(int) ((long) i * rows.length / count)])
        .toArray();
  }
}
