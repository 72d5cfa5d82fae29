package retune.core.judgement;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus.Event;

class VersionStatusTest {
  @ParameterizedTest
  @CsvSource({
    "CANDIDATE,  APPROVED REJECTED CHALLENGER -        -       -",
    "CHALLENGER, APPROVED REJECTED CHALLENGER -        -       -",
    "REJECTED,   APPROVED REJECTED CHALLENGER -        -       -",
    "APPROVED,   APPROVED REJECTED APPROVED   DEPLOYED RETIRED DEPLOYED",
    "DEPLOYED,   DEPLOYED DEPLOYED DEPLOYED   DEPLOYED RETIRED DEPLOYED",
    "RETIRED,    APPROVED RETIRED  RETIRED    -        RETIRED DEPLOYED",
  })
  void eachEventMovesAStatusOrIsRefused(VersionStatus status, String row) {
    String[] after =
        Arrays.stream(Event.values()).map(event -> move(status, event)).toArray(String[]::new);
    assertEquals(String.join(" ", row.split(" +")), String.join(" ", after));
  }

  @Test
  void aRefusedMoveNamesTheVersionItsStatusAndTheMove() {
    InvalidInputException refusal =
        assertThrows(
            InvalidInputException.class, () -> VersionStatus.RETIRED.after(Event.DEPLOY, "toy-1"));
    assertEquals(
        "toy-1 is retired; only a version that an evaluation approved can be deployed.",
        refusal.getMessage());
  }

  @ParameterizedTest
  @CsvSource({
    "CANDIDATE, false",
    "CHALLENGER, false",
    "REJECTED, false",
    "APPROVED, true",
    "DEPLOYED, true",
    "RETIRED, false"
  })
  void onlyApprovedAndDeployedVersionsServe(VersionStatus status, boolean mayServe) {
    assertEquals(mayServe, status.mayServe());
    assertEquals(status, VersionStatus.ofId(status.id()));
  }

  private static String move(VersionStatus status, Event event) {
    try {
      return status.after(event, "toy-1").name();
    } catch (InvalidInputException refused) {
      return "-";
    }
  }
}
