package retune.judgement;

import java.util.List;
import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.judgement.Check;

/**
 * The ids of the {@link KeptPredictions} that a verdict rests on; null where there are none, or too
 * many to keep.
 *
 * @param model the judged version's
 * @param champion the champion's on the same rows
 * @param others of the checks that compare with another version, or on other rows
 */
public record JudgedPredictions(
    @Nullable String model, @Nullable String champion, List<Compared> others) {
  private static final String COMPARED = "compared";

  /**
   * What a check rests on that compares with another version than the champion, or on other rows
   * than the judged ones.
   *
   * @param check the check's name
   * @param otherId the version that the judged one is compared with
   * @param model the judged version's predictions, one id a batch
   * @param other the other version's on the same rows
   */
  public record Compared(
      String check, String otherId, List<@Nullable String> model, List<@Nullable String> other) {
    private Document toDocument() {
      return new Document("check", check)
          .append("other_id", otherId)
          .append("predictions", model)
          .append("other_predictions", other);
    }

    private static Compared of(Document document) {
      return new Compared(
          document.getString("check"),
          document.getString("other_id"),
          document.getList("predictions", String.class),
          document.getList("other_predictions", String.class));
    }
  }

  /** Those of a verdict on the champion itself. */
  public static JudgedPredictions ofChampion(@Nullable String id) {
    return new JudgedPredictions(id, id, List.of());
  }

  /**
   * Whether the judged version has more of the gate's metric than the other one on ordinary rows:
   * on the reference, or else on those of the last days.
   *
   * @param verdict the verdict's document
   */
  boolean isAbove(String otherId, Document verdict) {
    Optional<String> name =
        others.stream()
            .filter(compared -> compared.otherId.equals(otherId))
            .map(Compared::check)
            .filter(OrdinaryRows::isOnOrdinaryRows)
            .findFirst();
    return verdict.getList("checks", Document.class, List.of()).stream()
        .map(CheckDocument::check)
        .filter(check -> name.isPresent() && check.name().equals(name.get()))
        .mapToDouble(Check::value)
        .anyMatch(difference -> difference > 0);
  }

  /** The fields of a verdict's document. */
  public Document toDocument() {
    Document document = new Document("predictions", model).append("champion_predictions", champion);
    if (!others.isEmpty()) {
      document.append(COMPARED, others.stream().map(Compared::toDocument).toList());
    }
    return document;
  }

  static JudgedPredictions of(Document verdict) {
    return new JudgedPredictions(
        verdict.getString("predictions"),
        verdict.getString("champion_predictions"),
        verdict.getList(COMPARED, Document.class, List.of()).stream().map(Compared::of).toList());
  }
}
