package retune.judgement;

import java.util.Optional;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus.Event;
import retune.model.ChallengerTraffic;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.Provenance;

/**
 * The approval of a challenger that has traffic, to follow the champion. The collection {@code
 * challenger_promotions} holds it under {@code MODEL/PROMOTION} and never changes it; the
 * deployment reads it like the outcome of a day, and alone moves the pointer.
 *
 * @param promotionId {@code promotion-REVISION-MODEL_ID}, with the revision of the pointer that it
 *     follows, so that a second call finds the first
 * @param championId the version in production that it is to follow
 * @param reason without a full stop
 */
public record ChallengerPromotion(
    String model, String promotionId, String modelId, String championId, String by, String reason) {
  /** What the id of each begins with. */
  public static final String PREFIX = "promotion-";

  private static final String COLLECTION = "challenger_promotions";

  /**
   * What a call came to.
   *
   * @param changed whether anything was changed
   */
  public record Approved(ChallengerPromotion promotion, boolean changed) {}

  /** The promotion of that id. */
  public static Optional<ChallengerPromotion> find(
      DocumentStore store, String model, String promotionId) {
    return store.events().find(COLLECTION, model + "/" + promotionId).map(ChallengerPromotion::of);
  }

  /** The promotion that a run has made. */
  public static Optional<ChallengerPromotion> ofRun(
      DocumentStore store, String model, String runId) {
    return store.events().startingWith(COLLECTION, model + "/").stream()
        .filter(document -> runId.equals(document.getString("run_id")))
        .findFirst()
        .map(ChallengerPromotion::of);
  }

  private static ChallengerPromotion of(Document document) {
    return new ChallengerPromotion(
        document.getString("model"),
        document.getString("promotion_id"),
        document.getString("model_id"),
        document.getString("champion_id"),
        document.getString("by"),
        document.getString("reason"));
  }

  /**
   * Approves the challenger that has traffic. Its status moves before the promotion is kept, which
   * the deployment waits for.
   *
   * @param modelId the challenger; null for whichever has traffic
   * @param reason without a full stop
   * @throws InvalidInputException if no challenger or another one has traffic, or it is barred
   */
  public static Approved approve(
      StepContext context, String model, @Nullable String modelId, String by, String reason) {
    Champion champion = new Champions(context.store()).get(model);
    ChallengerTraffic traffic = champion.challenger();
    if (traffic == null) {
      throw new InvalidInputException(
          "No challenger of %s has traffic; %s is in production. Start one with './retune start_challenger' first."
              .formatted(model, champion.modelId()));
    }
    String challenger = traffic.modelId();
    if (modelId != null && !modelId.equals(challenger)) {
      throw new InvalidInputException(
          "%s has no traffic; %s has. Name that one, or none.".formatted(modelId, challenger));
    }
    Champions.requireNotBarred(champion, challenger);
    String id = PREFIX + champion.revision() + "-" + challenger;
    Optional<ChallengerPromotion> earlier = find(context.store(), model, id);
    if (earlier.isPresent()) {
      return new Approved(earlier.get(), false);
    }
    ChallengerPromotion promotion =
        new ChallengerPromotion(model, id, challenger, champion.modelId(), by, reason);
    new ModelStore(context).move(challenger, Event.APPROVE, promotion.message());
    Document document = Provenance.of(context);
    document
        .append("model", model)
        .append("promotion_id", id)
        .append("model_id", challenger)
        .append("champion_id", champion.modelId())
        .append("revision", champion.revision())
        .append("traffic", traffic.toDocument())
        .append("by", by)
        .append("reason", reason)
        .append("message", promotion.message());
    boolean changed = context.store().events().append(COLLECTION, model + "/" + id, document);
    return new Approved(find(context.store(), model, id).orElseThrow(), changed);
  }

  /** What was decided, as a sentence. */
  public String message() {
    return "%s, which had traffic as a challenger, is approved to follow %s by %s (%s)."
        .formatted(modelId, championId, by, reason);
  }

  /** Why it is not deployed where another version is in production by now. */
  public String overtaken(Champion champion) {
    return "%s was approved to follow %s, but %s meanwhile; start it as a challenger again."
        .formatted(modelId, championId, champion.move());
  }
}
