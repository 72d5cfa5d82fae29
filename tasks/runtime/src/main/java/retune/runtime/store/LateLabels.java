package retune.runtime.store;

import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Filters;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import org.bson.Document;
import retune.core.data.Hashing;

/**
 * Labels that came after their rows, by the rows' keys. Each file of labels is an arrival, in the
 * collection {@code label_files} under {@code MODEL/NUMBER}; its labels are in {@code late_labels}
 * under {@code MODEL/DATE/TOKEN/PART}, and count from the arrival's document on, which is written
 * last. Both collections only grow: a label that is corrected stays in the file that it came with.
 */
public final class LateLabels {
  private static final String ARRIVALS = "label_files";
  private static final String LABELS = "late_labels";

  /** When the labels of an arrival were read; without it, when they began to count. */
  public static final String READ_AT = "read_at";

  /** So that a document stays far below MongoDB's 16 MB. */
  private static final int LABELS_A_PART = 50_000;

  private static final int TOKEN_DIGITS = 16;

  private final MongoCollection<Document> labels;
  private final Events events;

  LateLabels(MongoDatabase database, Events events) {
    this.labels = database.getCollection(LABELS);
    this.events = events;
  }

  /**
   * What an arrival brought for one day.
   *
   * @param rows the day's rows that have features
   * @param labelled those of them with a label, after the arrival
   * @param fresh labels of rows that had none
   * @param corrected labels of rows that had another one
   */
  public record Day(
      LocalDate date, int rows, int labelled, int fresh, int same, int corrected, int parts) {
    /** Whether a row's label is another one since. */
    public boolean changes() {
      return fresh + corrected > 0;
    }
  }

  /**
   * A file of labels.
   *
   * @param number from 1, in the order of arrival; a later label of a row takes the place of an
   *     earlier one
   * @param contentHash of the file
   * @param token names the arrival: the file's hash, and how often it came before
   * @param readAt when it was read, so that it has nothing that came later
   */
  public record Arrival(
      int number, String contentHash, String token, Instant readAt, List<Day> days) {
    /** What it brought for that day. */
    public Optional<Day> day(LocalDate date) {
      return days.stream().filter(day -> day.date.equals(date)).findFirst();
    }
  }

  /** The model's arrivals in order. */
  public List<Arrival> arrivals(String model) {
    return events.startingWith(ARRIVALS, model + "/").stream()
        .map(LateLabels::arrival)
        .sorted(Comparator.comparingInt(Arrival::number))
        .toList();
  }

  /** Names the arrivals that changed labels of a day: empty where none did. */
  public static String stamp(List<Arrival> arrivals, LocalDate date) {
    String tokens =
        arrivals.stream()
            .filter(arrival -> arrival.day(date).filter(Day::changes).isPresent())
            .map(Arrival::token)
            .collect(Collectors.joining("\n"));
    return tokens.isEmpty() ? "" : Hashing.sha256(tokens);
  }

  /** A day's labels by key, as of these arrivals. */
  public Map<String, String> labels(String model, List<Arrival> arrivals, LocalDate date) {
    Map<String, String> byKey = new HashMap<>();
    forEach(model, arrivals, date, byKey::put);
    return byKey;
  }

  /** Gives a day's labels in the order of these arrivals, holding one part of a file. */
  public void forEach(
      String model, List<Arrival> arrivals, LocalDate date, BiConsumer<String, String> action) {
    arrivals.forEach(arrival -> forEach(model, arrival, date, action));
  }

  /** The labels by key that one arrival brought for a day. */
  public Map<String, String> labels(String model, Arrival arrival, LocalDate date) {
    Map<String, String> byKey = new HashMap<>();
    forEach(model, arrival, date, byKey::put);
    return byKey;
  }

  private void forEach(
      String model, Arrival arrival, LocalDate date, BiConsumer<String, String> action) {
    int parts = arrival.day(date).map(Day::parts).orElse(0);
    for (int part = 0; part < parts; part++) {
      Document found = labels.find(Filters.eq(id(model, date, arrival.token, part))).first();
      if (found == null) {
        throw new IllegalStateException(
            "late_labels lacks '%s'".formatted(id(model, date, arrival.token, part)));
      }
      List<String> keys = found.getList("keys", String.class);
      List<String> values = found.getList("labels", String.class);
      for (int i = 0; i < keys.size(); i++) {
        action.accept(keys.get(i), values.get(i));
      }
    }
  }

  /** The token of the next arrival of a file. */
  public static String token(List<Arrival> arrivals, String contentHash) {
    long before =
        arrivals.stream().filter(arrival -> arrival.contentHash.equals(contentHash)).count();
    return contentHash.substring(0, TOKEN_DIGITS) + "-" + (before + 1);
  }

  /**
   * Writes a day's labels, which count once {@link #publish} has named them.
   *
   * @return the number of parts
   */
  public int write(String model, LocalDate date, String token, Map<String, String> byKey) {
    List<Map.Entry<String, String>> sorted =
        byKey.entrySet().stream().sorted(Map.Entry.comparingByKey()).toList();
    int parts = Math.ceilDiv(sorted.size(), LABELS_A_PART);
    for (int part = 0; part < parts; part++) {
      List<Map.Entry<String, String>> some =
          sorted.subList(part * LABELS_A_PART, Math.min((part + 1) * LABELS_A_PART, sorted.size()));
      Documents.put(
          labels,
          id(model, date, token, part),
          new Document("keys", some.stream().map(Map.Entry::getKey).toList())
              .append("labels", some.stream().map(Map.Entry::getValue).toList()));
    }
    return parts;
  }

  /**
   * Makes the labels of an arrival count.
   *
   * @param number one more than the last arrival's
   * @param about what else is to be known of the file
   * @return false, and nothing has changed, if another arrival has that number
   */
  public boolean publish(
      String model, int number, String contentHash, String token, List<Day> days, Document about) {
    return events.append(
        ARRIVALS,
        model + "/" + number,
        new Document(about)
            .append("model", model)
            .append("number", number)
            .append("content_hash", contentHash)
            .append("token", token)
            .append("days", new ArrayList<>(days.stream().map(LateLabels::document).toList())));
  }

  private static String id(String model, LocalDate date, String token, int part) {
    return "%s/%s/%s/%d".formatted(model, date, token, part);
  }

  private static Document document(Day day) {
    return new Document("logical_date", day.date.toString())
        .append("rows", day.rows)
        .append("labelled", day.labelled)
        .append("new", day.fresh)
        .append("same", day.same)
        .append("corrected", day.corrected)
        .append("parts", day.parts);
  }

  private static Arrival arrival(Document document) {
    return new Arrival(
        document.getInteger("number"),
        document.getString("content_hash"),
        document.getString("token"),
        Instant.parse(document.get(READ_AT, document.getString("timestamp"))),
        document.getList("days", Document.class).stream().map(LateLabels::day).toList());
  }

  private static Day day(Document day) {
    return new Day(
        LocalDate.parse(day.getString("logical_date")),
        day.getInteger("rows"),
        day.getInteger("labelled"),
        day.getInteger("new"),
        day.getInteger("same"),
        day.getInteger("corrected"),
        day.getInteger("parts"));
  }
}
