package retune.model;

import java.util.Optional;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus;
import retune.model.Champions.Champion;
import retune.model.ModelVersion.Kind;
import retune.runtime.StepContext;

/** Registers a version and, if asked, makes it the first champion of its model. */
public final class Registration {
  /**
   * What a registration did.
   *
   * @param added whether the version is new in the store
   * @param installed whether this registration made it the champion
   * @param retired whether it was the champion once and a later version replaced it
   * @param champion whether it is the champion now
   */
  public record Result(
      ModelVersion version, boolean added, boolean installed, boolean retired, boolean champion) {
    /** Whether the store was changed. */
    public boolean changed() {
      return added || installed;
    }

    /** What was done, in a sentence or two. */
    public String message() {
      String what = added ? "is registered" : "was already registered";
      String model = version.modelName();
      if (retired) {
        what += "; it was the champion once and a later version replaced it";
      } else if (installed) {
        what += " and is now the champion of " + model;
      } else if (champion) {
        what += "; it is the champion of " + model;
      } else {
        what += ", but not as the champion of " + model;
      }
      return version.modelId() + " " + what + ".";
    }
  }

  private final ModelStore models;
  private final Champions champions;

  public Registration(StepContext context) {
    models = new ModelStore(context);
    champions = new Champions(context.store());
  }

  /**
   * Registers a version as a candidate.
   *
   * @param asChampion whether to make it the champion of a model that has none. A version that was
   *     the champion once stays retired, so that an installation that registers its first champion
   *     each time can be repeated.
   * @throws InvalidInputException if the model has another champion, or the version has no head;
   *     nothing is registered then
   */
  public Result register(ModelFolder.Content content, boolean asChampion) {
    ModelVersion version = content.version();
    boolean retired = isRetired(version);
    if (asChampion && !retired) {
      requireEligible(version);
    }
    boolean added = models.register(version, content.weights(), VersionStatus.CANDIDATE);
    boolean installed = asChampion && !retired && install(version);
    return new Result(version, added, installed, retired, isChampion(version));
  }

  private boolean isRetired(ModelVersion version) {
    return models.find(version.modelId()).isPresent()
        && models.status(version.modelId()) == VersionStatus.RETIRED;
  }

  private void requireEligible(ModelVersion version) {
    if (version.kind() == Kind.PRETRAINED) {
      throw new InvalidInputException(
          version.modelId()
              + " is a pre-trained encoder without a head and cannot predict; register it without"
              + " --champion.");
    }
    Optional<Champion> champion = champions.find(version.modelName());
    if (champion.isPresent() && !champion.get().modelId().equals(version.modelId())) {
      throw taken(version, champion.get());
    }
  }

  /** Approves before it points, so that a champion is approved at every moment. */
  private boolean install(ModelVersion version) {
    if (isChampion(version)) {
      return false;
    }
    models.move(version.modelId(), VersionStatus.Event.APPROVE, "Registered as the first champion");
    if (!champions.install(version.modelName(), version.modelId()) && !isChampion(version)) {
      throw taken(version, champions.find(version.modelName()).orElseThrow());
    }
    return true;
  }

  private boolean isChampion(ModelVersion version) {
    return champions
        .find(version.modelName())
        .filter(champion -> champion.modelId().equals(version.modelId()))
        .isPresent();
  }

  private static InvalidInputException taken(ModelVersion version, Champion champion) {
    return new InvalidInputException(
        "%s already has the champion %s; register %s without --champion and let an evaluation approve it."
            .formatted(version.modelName(), champion.modelId(), version.modelId()));
  }
}
