package retune.model.importing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.model.importing.PickleValue.Dictionary;
import retune.model.importing.PickleValue.None;
import retune.model.importing.PickleValue.Real;
import retune.model.importing.PickleValue.Sequence;
import retune.model.importing.PickleValue.Text;
import retune.model.importing.PickleValue.Truth;
import retune.model.importing.PickleValue.Tuple;
import retune.model.importing.PickleValue.Whole;

class PickleReaderTest {
  private static final PickleReader.Names NAMES = new TorchNames(false);

  @Test
  void plainContainersAreRead() {
    // pickle.dumps({"a": (1, -2, 300), "b": [True, None, 0.5], 7: "ä"}, protocol=2)
    byte[] pickle =
        new PickleText()
            .raw('}', 'q', 0, '(')
            .text("a")
            .raw('q', 1, 'K', 1, 'J', 0xfe, 0xff, 0xff, 0xff, 'M', 0x2c, 0x01, 0x87, 'q', 2)
            .text("b")
            .raw('q', 3, ']', 'q', 4, '(', 0x88, 'N', 'G', 0x3f, 0xe0, 0, 0, 0, 0, 0, 0, 'e')
            .raw('K', 7)
            .text("ä")
            .raw('q', 5, 'u')
            .end();
    assertEquals(
        new Dictionary(
            Map.of(
                new Text("a"), new Tuple(List.of(new Whole(1), new Whole(-2), new Whole(300))),
                new Text("b"), new Sequence(List.of(new Truth(true), new None(), new Real(0.5))),
                new Whole(7), new Text("ä"))),
        PickleReader.read(pickle, NAMES));
  }

  @Test
  void wholeNumbersOfAnyLengthKeepTheirSign() {
    assertEquals(new Whole(0), PickleReader.read(new PickleText().raw(0x8a, 0).end(), NAMES));
    assertEquals(
        new Whole(-129), PickleReader.read(new PickleText().raw(0x8a, 2, 0x7f, 0xff).end(), NAMES));
    assertEquals(
        new Whole(Long.MIN_VALUE),
        PickleReader.read(new PickleText().whole(Long.MIN_VALUE).end(), NAMES));
  }

  @Test
  void aNameThatIsNoTensorsIsRefusedByName() {
    // what pickle.dumps gives for an object whose __reduce__ is (os.system, ("echo pwned",))
    byte[] pickle =
        new PickleText().global("posix", "system").text("echo pwned").raw(0x85, 'R').end();
    assertRefused("'posix.system'", pickle);
    byte[] byStack = new PickleText().text("builtins").text("eval").raw(0x93).end();
    assertRefused("'builtins.eval'", byStack);
  }

  @Test
  void anAllowedNameIsOnlyCalledTheWayPyTorchDoes() {
    byte[] storageAsFunction =
        new PickleText().global("torch", "FloatStorage").raw('K', 1, 0x85, 'R').end();
    assertRefused("calls 'torch.FloatStorage'", storageAsFunction);
    byte[] instance = new PickleText().global("torch", "FloatStorage").raw(')', 0x81).end();
    assertRefused("an instance of 'torch.FloatStorage'", instance);
    byte[] noTensor =
        new PickleText()
            .global("torch._utils", "_rebuild_tensor_v2")
            .tuple(1, 2, 3, 4, 5, 6)
            .raw('R')
            .end();
    assertRefused("malformed", noTensor);
    byte[] script = new PickleText().global("__torch__", "Net").raw(')', 0x81).end();
    assertRefused("'__torch__.Net'", script);
  }

  @ParameterizedTest
  @CsvSource({
    "69, INST",
    "6f, OBJ",
    "92, NEWOBJ_EX",
    "82, EXT",
    "84, EXT",
    "50, PERSID",
    "53, 0x53",
    "ff, 0xff"
  })
  void instructionsThatCallCodeAreRefusedByName(String instruction, String name) {
    assertRefused(name, new PickleText().raw(Integer.parseInt(instruction, 16)).end());
  }

  @Test
  void lengthsAndReferencesAreNotBelieved() {
    assertRefused("ends in the middle", new PickleText().raw('X', 0xff, 0xff, 0xff, 0x7f).end());
    assertRefused("ends in the middle", new PickleText().raw('X', 0xff, 0xff, 0xff, 0xff).end());
    assertRefused("255 bytes", new PickleText().raw(0x8a, 0xff, 0, 0).end());
    assertRefused("does not have", new PickleText().raw('h', 3).end());
    assertRefused("takes more values", new PickleText().end());
    assertRefused("takes more values", new PickleText().raw('N', '(', 0x85).end());
    assertRefused("never opened", new PickleText().raw('N', 't').end());
    assertRefused("not a dictionary", new PickleText().raw(']', 'N', 'N', 's').end());
    assertRefused("not a list", new PickleText().raw('}', 'N', 'a').end());
    assertRefused("neither text nor", new PickleText().raw('}', ']', 'N', 's').end());
    assertRefused("protocol 9", new byte[] {(byte) 0x80, 9});
  }

  @Test
  void aListThatHoldsItselfIsReadWithoutEnd() {
    byte[] pickle = new PickleText().raw(']', 'q', 0, 'h', 0, 'a').end();
    Sequence list = (Sequence) PickleReader.read(pickle, NAMES);
    assertSame(list, list.items().getFirst());
  }

  @Test
  void damagedPicklesAreRefusedOrReadButNeverFailOtherwise() {
    byte[] pickle =
        new PickleText()
            .raw('}', '(')
            .text("weight")
            .tensor("FloatStorage", "0", 6, 0, new long[] {2, 3}, new long[] {3, 1})
            .raw('u')
            .end();
    for (int length = 0; length < pickle.length; length++) {
      assertRefused("", Arrays.copyOf(pickle, length));
    }
    Random random = new Random(1);
    for (int i = 0; i < 20_000; i++) {
      byte[] damaged = pickle.clone();
      damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
      try {
        PickleReader.read(damaged, NAMES);
      } catch (RefusedException expected) {
        assertTrue(expected.getMessage() != null);
      }
    }
  }

  private static void assertRefused(String expected, byte[] pickle) {
    RefusedException refusal =
        assertThrows(RefusedException.class, () -> PickleReader.read(pickle, NAMES));
    assertTrue(String.valueOf(refusal.getMessage()).contains(expected), refusal.getMessage());
  }
}
