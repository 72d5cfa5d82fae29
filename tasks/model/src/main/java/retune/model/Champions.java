package retune.model;

import com.mongodb.ErrorCategory;
import com.mongodb.MongoWriteException;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Updates;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.runtime.store.DocumentStore;

/**
 * The production pointer of each model, moved by compare-and-set. The same document holds the bars
 * of versions that were rolled back, so that no promotion can slip in between a rollback and its
 * bar.
 */
public final class Champions {
  /**
   * The version of a model that is in production.
   *
   * @param previousModelId the version that it replaced; null for the first champion
   * @param bestModelId the best version ever approved
   * @param deployedAt when deploy_model finished with this version, ISO 8601 UTC; null before that
   * @param revision 1 for the first champion; each promotion and each rollback adds 1
   * @param bars the versions that must not be promoted, each once
   * @param challenger the version beside it that gets traffic; null for none. Ends with each move
   *     of the pointer
   * @param challengers how often traffic was given to a challenger so far
   */
  public record Champion(
      String model,
      String modelId,
      @Nullable String previousModelId,
      String bestModelId,
      @Nullable String deployedAt,
      long revision,
      List<Bar> bars,
      @Nullable ChallengerTraffic challenger,
      long challengers) {
    public Champion {
      bars = List.copyOf(bars);
    }

    /** Whether deploy_model has finished with this version. */
    public boolean deployed() {
      return deployedAt != null;
    }

    /** The bar of that version, if it has one. */
    public Optional<Bar> bar(String barredModelId) {
      return bars.stream().filter(bar -> bar.modelId.equals(barredModelId)).findFirst();
    }

    /** The rollback that put this version into production; empty if a promotion did. */
    public Optional<Bar> rollback() {
      return bars.stream().filter(bar -> bar.revision == revision).findFirst();
    }

    /** How the version got into production: {@code credit-default was promoted to …}. */
    public String move() {
      String verb = rollback().isPresent() ? "rolled back" : "promoted";
      return "%s was %s to %s".formatted(model, verb, modelId);
    }

    /** The pointer after another version is promoted. */
    public Champion followedBy(String nextModelId, String nextBestModelId) {
      return new Champion(
          model,
          nextModelId,
          modelId,
          nextBestModelId,
          null,
          revision + 1,
          bars,
          null,
          challengers);
    }

    /** The pointer after a rollback to another version; {@code bar} bars this one. */
    public Champion rolledBackTo(String nextModelId, Bar bar) {
      return new Champion(
          model,
          nextModelId,
          modelId,
          bestModelId.equals(modelId) ? nextModelId : bestModelId,
          null,
          revision + 1,
          Stream.concat(bars.stream(), Stream.of(bar)).toList(),
          null,
          challengers);
    }
  }

  /**
   * A version that was rolled back. It cannot be promoted until it is released.
   *
   * @param modelId the version
   * @param revision the champion's revision after the rollback
   * @param by who rolled it back
   * @param reason why, without a full stop
   * @param task the task that rolled it back, {@link retune.runtime.RunIdentity#eventKey}
   * @param since when it was rolled back, ISO 8601 UTC
   */
  public record Bar(
      String modelId, long revision, String by, String reason, String task, String since) {
    /** Why the version cannot be promoted, and what to do. */
    public String sentence() {
      return "%s is barred from production: %s rolled it back at %s (%s). Release it with './retune release_version %s' first."
          .formatted(modelId, by, since, reason, modelId);
    }

    private Document toDocument() {
      return new Document("model_id", modelId)
          .append("revision", revision)
          .append("by", by)
          .append("reason", reason)
          .append("task", task)
          .append("since", since);
    }

    private static Bar of(Document document) {
      return new Bar(
          document.getString("model_id"),
          document.get("revision", Number.class).longValue(),
          document.getString("by"),
          document.getString("reason"),
          document.getString("task"),
          document.getString("since"));
    }
  }

  private static final String BARRED = "barred";
  private static final String CHALLENGER = "challenger";
  private static final String CHALLENGERS = "challengers";

  private final MongoCollection<Document> pointers;

  public Champions(DocumentStore store) {
    this.pointers = store.collection("champions");
  }

  /** The champion; throws an {@link InvalidInputException} if the model has none. */
  public Champion get(String model) {
    return find(model)
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "There is no champion of '%s'; register one with register_model --champion."
                        .formatted(model)));
  }

  public Optional<Champion> find(String model) {
    return Optional.ofNullable(pointers.find(Filters.eq(model)).first())
        .map(
            pointer ->
                new Champion(
                    model,
                    pointer.getString("model_id"),
                    pointer.getString("previous_model_id"),
                    pointer.getString("best_model_id"),
                    pointer.getString("deployed_at"),
                    pointer.get("revision", Number.class).longValue(),
                    pointer.getList(BARRED, Document.class, List.of()).stream()
                        .map(Bar::of)
                        .toList(),
                    ChallengerTraffic.of(pointer.get(CHALLENGER, Document.class)),
                    pointer.get(CHALLENGERS, (Number) 0L).longValue()));
  }

  /** Makes the version the first champion; false if the model already has one. */
  public boolean install(String model, String modelId) {
    try {
      pointers.insertOne(
          new Document("_id", model)
              .append("model_id", modelId)
              .append("previous_model_id", null)
              .append("best_model_id", modelId)
              .append(CHALLENGER, null)
              .append(CHALLENGERS, 0L)
              .append("deployed_at", null)
              .append("revision", 1L));
      return true;
    } catch (MongoWriteException e) {
      if (e.getError().getCategory() != ErrorCategory.DUPLICATE_KEY) {
        throw e;
      }
      return false;
    }
  }

  /**
   * Promotes a version if the pointer is still {@code expected}; false if another promotion or
   * rollback was first.
   *
   * @throws InvalidInputException if the version is barred
   */
  public boolean promote(Champion expected, String modelId, String bestModelId) {
    requireNotBarred(expected, modelId);
    return change(expected, pointTo(expected.followedBy(modelId, bestModelId)));
  }

  /**
   * Puts an earlier version back and bars the champion, if the pointer is still {@code expected};
   * false if another promotion or rollback was first.
   *
   * @throws InvalidInputException if the earlier version is barred
   */
  public boolean rollBack(Champion expected, String modelId, Bar bar) {
    requireNotBarred(expected, modelId);
    return change(
        expected,
        Updates.combine(
            pointTo(expected.rolledBackTo(modelId, bar)), Updates.push(BARRED, bar.toDocument())));
  }

  /** Lets the version be promoted again; false if it was not barred. */
  public boolean release(String model, Bar bar) {
    Bson entry = new Document("model_id", bar.modelId);
    return pointers.updateOne(Filters.eq(model), Updates.pull(BARRED, entry)).getModifiedCount()
        == 1;
  }

  /**
   * Refuses a version that was rolled back and not released.
   *
   * @throws InvalidInputException saying who rolled it back and why
   */
  public static void requireNotBarred(Champion champion, String modelId) {
    Optional<Bar> bar = champion.bar(modelId);
    if (bar.isPresent()) {
      throw new InvalidInputException(bar.get().sentence());
    }
  }

  /**
   * Marks the champion as deployed if the pointer is still {@code expected}; false if another
   * promotion or rollback was first.
   */
  public boolean markDeployed(Champion expected, Instant deployedAt) {
    return change(expected, Updates.set("deployed_at", deployedAt.toString()));
  }

  /**
   * Gives a challenger traffic, or the one that has it another share, if pointer and challenger are
   * still those of {@code expected}; false if something else was first.
   *
   * @param next numbered one after those of {@code expected}
   * @throws InvalidInputException if the version is barred
   */
  public boolean startChallenger(Champion expected, ChallengerTraffic next) {
    requireNotBarred(expected, next.modelId());
    Bson unchanged =
        Filters.and(
            Filters.eq(expected.model),
            Filters.eq("revision", expected.revision),
            ofTraffic(expected.challenger),
            expected.challengers == 0
                ? Filters.in(CHALLENGERS, 0L, null) // pointers from before traffic have none
                : Filters.eq(CHALLENGERS, expected.challengers));
    return pointers
            .updateOne(
                unchanged,
                Updates.combine(
                    Updates.set(CHALLENGER, next.toDocument()),
                    Updates.set(CHALLENGERS, next.number())))
            .getMatchedCount()
        == 1;
  }

  /** Ends a challenger's traffic; false if it has ended, or another share has followed. */
  public boolean endChallenger(String model, ChallengerTraffic traffic) {
    return pointers
            .updateOne(
                Filters.and(Filters.eq(model), ofTraffic(traffic)), Updates.set(CHALLENGER, null))
            .getMatchedCount()
        == 1;
  }

  private static Bson ofTraffic(@Nullable ChallengerTraffic traffic) {
    return traffic == null
        ? Filters.eq(CHALLENGER, null)
        : Filters.eq(CHALLENGER + ".number", traffic.number());
  }

  private static Bson pointTo(Champion next) {
    return Updates.combine(
        Updates.set("model_id", next.modelId),
        Updates.set("previous_model_id", next.previousModelId),
        Updates.set("best_model_id", next.bestModelId),
        Updates.set("deployed_at", next.deployedAt),
        Updates.set("revision", next.revision),
        Updates.set(CHALLENGER, null));
  }

  private boolean change(Champion expected, Bson update) {
    Bson unmoved =
        Filters.and(Filters.eq(expected.model), Filters.eq("revision", expected.revision));
    return pointers.updateOne(unmoved, update).getMatchedCount() == 1;
  }
}
