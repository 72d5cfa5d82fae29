package retune.core.finetuning;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScheduleTest {
  /** Steps per epoch of 125, 22,400 and 2,000,000 training rows in batches of 256. */
  @ParameterizedTest
  @CsvSource({"1, 20, 250", "88, 44, 113", "7813, 3907, 10"})
  void aTablesRoundsFollowItsRowsWithinABudgetOfSteps(int stepsPerEpoch, int steps, int most) {
    assertEquals(new Schedule.Rounds(most, 8, steps), Schedule.Rounds.ofTable(stepsPerEpoch, null));
  }

  @Test
  void aGivenPatienceIsTaken() {
    assertEquals(3, Schedule.Rounds.ofTable(88, 3).patience());
  }
}
