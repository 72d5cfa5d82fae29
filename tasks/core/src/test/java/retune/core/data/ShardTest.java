package retune.core.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.InvalidInputException;

class ShardTest {
  private static final int BLOCK_ROWS = 1_000;

  @Test
  void sharesAreWholeBlocksOfAboutTheSameNumber() {
    List<Shard> shards = Shard.all(3);
    assertEquals(
        List.of(0, 3_000, 6_000), shards.stream().map(s -> s.from(9_500, BLOCK_ROWS)).toList());
    assertEquals(
        List.of(3_000, 6_000, 9_500), shards.stream().map(s -> s.to(9_500, BLOCK_ROWS)).toList());
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 999, 1_000, 1_001, 63_999, 64_001, 2_147_483_647})
  void sharesFollowEachOtherFromTheFirstRowToTheLast(int rows) {
    for (int count = 2; count <= Shard.MOST; count++) {
      int next = 0;
      for (Shard shard : Shard.all(count)) {
        assertEquals(next, shard.from(rows, BLOCK_ROWS));
        next = shard.to(rows, BLOCK_ROWS);
        assertTrue(next % BLOCK_ROWS == 0 || next == rows, shard + " ends at " + next);
      }
      assertEquals(rows, next);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "3 | 3 | Shard 3 of 3 does not exist. Set 'shard' to a number from 0 to 2.",
        "-1 | 3 | Shard -1 of 3 does not exist. Set 'shard' to a number from 0 to 2.",
        "0 | 1 | A single shard is the whole table. Leave out 'shard', or set 'shards' to 2 or"
            + " more."
      })
  void aShareThatIsNotThereIsRefused(int index, int count, String sentence) {
    assertEquals(
        sentence,
        assertThrows(InvalidInputException.class, () -> new Shard(index, count)).getMessage());
  }
}
