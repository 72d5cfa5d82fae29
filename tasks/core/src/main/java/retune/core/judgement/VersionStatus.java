package retune.core.judgement;

import java.util.Locale;
import retune.core.InvalidInputException;

/**
 * The status of a model version. {@link #after} is the only way from one status to another:
 *
 * <pre>
 *             APPROVE   REJECT    CHALLENGE   DEPLOY    RETIRE    RESTORE
 * candidate   approved  rejected  challenger  -         -         -
 * challenger  approved  rejected  challenger  -         -         -
 * rejected    approved  rejected  challenger  -         -         -
 * approved    approved  rejected  approved    deployed  retired   deployed
 * deployed    deployed  deployed  deployed    deployed  retired   deployed
 * retired     approved  retired   retired     -         retired   deployed
 * </pre>
 *
 * <p>A retired version that an evaluation approves again is approved, and can be deployed again. An
 * approved version retires without a deployment where another version replaces it first. An
 * evaluation that rejects a version takes nothing from one that is or was in production. A rollback
 * restores a retired version without another evaluation: one approved it before.
 */
public enum VersionStatus {
  /** Registered; no evaluation has judged it. */
  CANDIDATE,
  /**
   * Its evaluation left it undecided, or a person is asked about it; judged again on other days.
   */
  CHALLENGER,
  /** Passed an evaluation; may be deployed. */
  APPROVED,
  /** Failed its last evaluation. */
  REJECTED,
  /** In production. */
  DEPLOYED,
  /** Was approved; another version has replaced it. */
  RETIRED;

  /** What can happen to a version. */
  public enum Event {
    APPROVE("approved"),
    REJECT("rejected"),
    /** An evaluation leaves the version undecided, or to a person. */
    CHALLENGE("a challenger"),
    DEPLOY("deployed"),
    RETIRE("retired"),
    /** A rollback puts the version back into production. */
    RESTORE("restored");

    private final String participle;

    Event(String participle) {
      this.participle = participle;
    }
  }

  /** The status that this text names, as {@link #id} gives it. */
  public static VersionStatus ofId(String id) {
    return valueOf(id.toUpperCase(Locale.ROOT));
  }

  /** The name in documents and results: {@code candidate}. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Whether production may use the version: an evaluation approved it and nothing replaced it. */
  public boolean mayServe() {
    return this == APPROVED || this == DEPLOYED;
  }

  /** Whether an evaluation approved the version, now or earlier. */
  public boolean wasApproved() {
    return mayServe() || this == RETIRED;
  }

  /**
   * The status after the event; an {@link InvalidInputException} where the table has no move.
   *
   * @param modelId the version, for the message
   */
  public VersionStatus after(Event event, String modelId) {
    return switch (event) {
      case APPROVE ->
          switch (this) {
            case CANDIDATE, CHALLENGER, APPROVED, REJECTED, RETIRED -> APPROVED;
            case DEPLOYED -> DEPLOYED;
          };
      case REJECT ->
          switch (this) {
            case CANDIDATE, CHALLENGER, APPROVED, REJECTED -> REJECTED;
            case DEPLOYED, RETIRED -> this;
          };
      case CHALLENGE ->
          switch (this) {
            case CANDIDATE, CHALLENGER, REJECTED -> CHALLENGER;
            case APPROVED, DEPLOYED, RETIRED -> this;
          };
      case DEPLOY ->
          switch (this) {
            case APPROVED, DEPLOYED -> DEPLOYED;
            case CANDIDATE, CHALLENGER, REJECTED, RETIRED -> throw refused(event, modelId);
          };
      case RETIRE ->
          switch (this) {
            case APPROVED, DEPLOYED, RETIRED -> RETIRED;
            case CANDIDATE, CHALLENGER, REJECTED -> throw refused(event, modelId);
          };
      case RESTORE ->
          switch (this) {
            case APPROVED, DEPLOYED, RETIRED -> DEPLOYED;
            case CANDIDATE, CHALLENGER, REJECTED -> throw refused(event, modelId);
          };
    };
  }

  private InvalidInputException refused(Event event, String modelId) {
    return new InvalidInputException(
        "%s is %s; only a version that an evaluation approved can be %s."
            .formatted(modelId, id(), event.participle));
  }
}
