package retune.loop.authoring;

import java.util.Optional;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Table;
import retune.core.distribution.HeldBackTexts;
import retune.core.judgement.VersionStatus;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.model.ModelFolder;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.runtime.StepContext;
import retune.steps.authoring.LearnedTable;
import retune.steps.data.DistributionStore;
import retune.steps.data.ReferenceBatch;

/**
 * Puts a new loop's versions and distribution into the store.
 *
 * @param name the loop's and model's name
 * @param tableHash SHA-256 of the file that the loop is made from
 * @param replace whether an existing champion may be replaced
 */
record Registration(String name, String tableHash, boolean replace, StepContext context) {

  /**
   * Refuses a name that has a champion already. A champion trained on this very table does not
   * count: it comes from an earlier run that was stopped.
   */
  void requireFree() {
    champions()
        .find(name)
        .filter(champion -> !mayReplace(champion))
        .ifPresent(
            champion -> {
              throw new InvalidInputException(
                  "The model '%s' already has the champion %s; choose another --name, or replace it with --replace."
                      .formatted(name, champion.modelId()));
            });
  }

  /**
   * Registers versions first, which nobody serves; then what days are drawn from and the reference;
   * the champion last.
   *
   * @param heldBack texts that days are drawn from; null without
   * @param holdout raw rows that no training has seen
   */
  void register(FirstModel model, @Nullable HeldBackTexts heldBack, Table holdout) {
    requireFree();
    ModelStore models = new ModelStore(context);
    ModelVersion version = model.champion().version();
    for (ModelFolder.Content content : model.contents()) {
      models.register(content.version(), content.weights(), VersionStatus.CANDIDATE);
    }
    LearnedTable learned = model.learned();
    if (learned != null) {
      new DistributionStore(context.store()).put(name, learned.distribution());
    }
    if (heldBack != null) {
      new DistributionStore(context.store()).put(name, heldBack);
    }
    ReferenceBatch.put(context, version, holdout);
    models.move(version.modelId(), VersionStatus.Event.APPROVE, "Made by new_loop as the champion");
    if (!becomesChampion(version.modelId())) {
      throw new InvalidInputException(
          "Someone else changed the champion of '%s' at the same time; check it and run new_loop again."
              .formatted(name));
    }
  }

  private boolean becomesChampion(String modelId) {
    Optional<Champion> earlier = champions().find(name);
    return earlier
        .map(
            champion ->
                champion.modelId().equals(modelId)
                    || champions().promote(champion, modelId, modelId))
        .orElseGet(() -> champions().install(name, modelId));
  }

  private boolean mayReplace(Champion champion) {
    return replace
        || new ModelStore(context)
            .find(champion.modelId())
            .filter(version -> version.lineage().trainedOn().equals(tableHash))
            .isPresent();
  }

  private Champions champions() {
    return new Champions(context.store());
  }
}
