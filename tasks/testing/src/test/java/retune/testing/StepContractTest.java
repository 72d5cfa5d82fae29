package retune.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import retune.devstore.EmbeddedStore;
import retune.runtime.Json;
import retune.runtime.store.Lease;
import tools.jackson.databind.JsonNode;

/** Steps in processes of their own: exit codes, standard output, result file, signals, secrets. */
class StepContractTest {
  private static final String SECRET_URI = "mongodb://retune:hunter22@db.example.org/retune";

  @TempDir Path folder;

  @Test
  void standardOutputCarriesTheJsonAndNothingElse() throws Exception {
    StepProcess.Ended ended =
        run(Map.of(), "rehearse", "--model", "m", "--logical-date=2026-11-05", "--loud");

    assertEquals(0, ended.exitCode(), ended.err());
    assertEquals(
        Json.MAPPER.readTree(
            """
            {"model": "m", "threshold": 0.75, "rows": 10000, "loud": true,
             "logical_date": "2026-11-05", "exclude": []}\
            """),
        ended.json());
    assertTrue(ended.err().contains("a library's chatter"));
  }

  @ParameterizedTest
  @CsvSource({
    "invalid_input, 50, invalid_input, false",
    "not_ready, 20, not_ready, true",
    "unexpected, 1, unexpected, true"
  })
  void aFailureHasItsExitCodeAndAnErrorAsJson(
      String ending, int exitCode, String code, boolean retryable) throws Exception {
    StepProcess.Ended ended = run(Map.of(), "rehearse", "--model", "m", "--ending", ending);

    assertEquals(exitCode, ended.exitCode());
    assertEquals(code, ended.json().at("/error/code").stringValue());
    assertEquals(retryable, ended.json().at("/error/retryable").booleanValue());
    assertFalse(ended.errorMessage().isBlank());
  }

  @Test
  void theResultFileReplacesStandardOutputAndLeavesNoDraft() throws Exception {
    Path file = folder.resolve("return.json");
    Files.writeString(file, "{\"from\": \"an earlier try\"}");

    StepProcess.Ended ended = run(Map.of(), "rehearse", "--model", "m", "--xcom", file.toString());

    assertEquals("", ended.out());
    assertEquals(
        "rw-r--r--",
        PosixFilePermissions.toString(Files.getPosixFilePermissions(file)),
        "a sidecar reads it as another user");
    assertEquals("m", Json.MAPPER.readTree(Files.readString(file)).at("/model").stringValue());
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(1, files.count());
    }
  }

  @ParameterizedTest
  @CsvSource({"text, json, false", "json, text, true", "'', text, true", "text, '', true"})
  void theResultIsAPageWhereTheFlagOrElseTheSettingSaysSo(
      String setting, String flag, boolean isPage) throws Exception {
    String[] words = {"rehearse", "--model", "m", "--print", flag};
    StepProcess.Ended ended =
        run(Map.of("RETUNE_PRINT", setting), flag.isEmpty() ? Arrays.copyOf(words, 3) : words);

    assertEquals(0, ended.exitCode(), ended.err());
    assertEquals(isPage, ended.out().equals("A rehearsal\n  model           m\n"), ended.out());
    assertEquals(!isPage, ended.out().startsWith("{"), ended.out());
  }

  @Test
  void theResultFileIsJsonWhateverTheFormat() throws Exception {
    Path file = folder.resolve("return.json");
    StepProcess.Ended ended =
        run(Map.of(), "rehearse", "--model", "m", "--print", "text", "--xcom", file.toString());
    assertEquals("", ended.out());
    assertEquals("m", Json.MAPPER.readTree(Files.readString(file)).at("/model").stringValue());
  }

  @ParameterizedTest
  @CsvSource({"--loud, --exit-code, 0", "--loud=false, --exit-code, 10", "--loud=false, '', 0"})
  void aNoIsAnExitCodeWhereItIsAskedFor(String answer, String flag, int code) throws Exception {
    String[] words = {"rehearse", "--model", "m", answer, flag};
    StepProcess.Ended ended = run(Map.of(), flag.isEmpty() ? Arrays.copyOf(words, 4) : words);
    assertEquals(code, ended.exitCode(), ended.err());
    assertEquals("m", ended.json().at("/model").stringValue());
  }

  @Test
  void aStepThatDecidesNothingHasNoExitCodeForIt() throws Exception {
    StepProcess.Ended ended = run(Map.of(), "count_documents", "--exit-code");
    assertEquals(50, ended.exitCode());
    assertEquals(
        "count_documents does not decide anything; leave out --exit-code.", ended.errorMessage());
  }

  @Test
  void anUnknownFormatIsRefused() throws Exception {
    StepProcess.Ended ended = run(Map.of(), "rehearse", "--model", "m", "--print", "yaml");
    assertEquals(50, ended.exitCode());
    assertEquals("--print is 'yaml'; give text or json.", ended.errorMessage());
  }

  @Test
  void aFailedStepWritesItsErrorToTheResultFile() throws Exception {
    Path file = folder.resolve("return.json");

    run(
        Map.of("RETUNE_XCOM", file.toString()),
        "rehearse",
        "--model",
        "m",
        "--ending",
        "not_ready");

    JsonNode error = Json.MAPPER.readTree(Files.readString(file)).get("error");
    assertEquals("The store does not answer; start it.", error.get("message").stringValue());
  }

  @Test
  void anUnwritableResultFileIsFoundOutBeforeTheStepRuns() throws Exception {
    StepProcess.Ended ended =
        run(
            Map.of(),
            "rehearse",
            "--model",
            "m",
            "--xcom",
            folder.resolve("absent/r.json").toString());

    assertEquals(50, ended.exitCode());
    assertTrue(ended.errorMessage().contains("absent/r.json' by user"), ended.errorMessage());
    assertFalse(ended.err().contains("connecting"), "the step ran");
  }

  @Test
  void aStepStoppedBySigtermEndsWith143AndSaysSo() throws Exception {
    Path file = folder.resolve("return.json");
    Process process =
        start(Map.of(), "rehearse", "--model", "m", "--ending", "never", "--xcom", file.toString());
    try (BufferedReader log = process.errorReader()) {
      while (!log.readLine().contains("connecting")) {
        assertTrue(process.isAlive());
      }
      process.destroy();
      assertEquals(143, process.waitFor());
    }

    assertTrue(Files.readString(file).contains("\"stopped\""));
  }

  @Test
  void aStepExtendsTheLeaseOfItsRun() throws Exception {
    try (TestStore store = TestStore.open()) {
      Lease lease = Lease.toRun(store.documents(), "credit");
      Map<String, String> settings =
          Map.of("RETUNE_MONGO_URI", store.uri(), "RETUNE_RUN_LEASE", "credit run-1 (service 2)");
      Process process = start(settings, "rehearse", "--model", "m", "--ending", "never");
      while (!lease.isOf("run-1 (service 2)")) {
        assertTrue(process.isAlive());
        Thread.sleep(5);
      }
      process.destroyForcibly().waitFor();

      assertTrue(lease.find().orElseThrow().expiresAt().isAfter(Instant.now()));
    }
  }

  @Test
  void aResultIsNotRewrittenWhereItHoldsTheTextOfASecret() throws Exception {
    StepProcess.Ended ended =
        run(
            Map.of("RETUNE_MONGO_URI", "mongodb://retune:default@db.example.org/retune"),
            "rehearse",
            "--model",
            "credit-default-2135dc384c32");

    assertEquals("credit-default-2135dc384c32", ended.json().get("model").stringValue());
    assertFalse(ended.err().contains("retune:default@"), ended.err());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "RETUNE_TRY_NUMBER | abc | RETUNE_TRY_NUMBER is 'abc'; set it to a whole number from 1.",
        "RETUNE_TRY_NUMBER | 0 | RETUNE_TRY_NUMBER is '0'; set it to a whole number from 1.",
        "RETUNE_STORE_WAIT | -5 | RETUNE_STORE_WAIT is '-5'; set it to a number of seconds from 0.1"
            + " to 86400.",
        "RETUNE_STORE_WAIT | 1e300 | RETUNE_STORE_WAIT is '1e300'; set it to a number of seconds"
            + " from 0.1 to 86400.",
        "RETUNE_STORE_WAIT | soon | RETUNE_STORE_WAIT is 'soon'; set it to a number of seconds from"
            + " 0.1 to 86400.",
        "RETUNE_RUN_LEASE | credit | RETUNE_RUN_LEASE is 'credit'; leave it to ./retune control,"
            + " which sets it to a model and the run that holds its lease.",
        "RETUNE_LOG | loud | RETUNE_LOG is 'loud'; set it to json, text or terminal."
      })
  void aSettingThatCannotBeReadIsNamed(String setting, String value, String sentence)
      throws Exception {
    StepProcess.Ended ended = run(Map.of(setting, value), "count_documents");

    assertEquals(50, ended.exitCode(), ended.err());
    assertEquals(sentence, ended.errorMessage());
  }

  @Test
  void theProgressBarIsDrawnOnATerminalOnly() throws Exception {
    String[] words = {"rehearse", "--model", "m"};

    assertTrue(run(Map.of("RETUNE_LOG", "terminal"), words).err().contains("\033["));
    assertFalse(run(Map.of("RETUNE_LOG", "text"), words).err().contains("\033["));
    assertFalse(run(Map.of(), words).err().contains("\033["));
  }

  @Test
  void aPathThatTheLocaleCannotSpellIsNamedWithTheWayOut() throws Exception {
    Path file = folder.resolve("Größe.json");

    StepProcess.Ended ended =
        run(Map.of("LC_ALL", "C"), "rehearse", "--model", "m", "--xcom", file.toString());

    assertEquals(50, ended.exitCode(), ended.err());
    assertTrue(ended.errorMessage().contains("LC_ALL=C.UTF-8"), ended.errorMessage());
  }

  @Test
  void aDraftOfAKilledStepIsRemovedByALaterOne() throws Exception {
    Path abandoned = Files.writeString(folder.resolve(".result-1.json"), "");
    Path inUse = Files.writeString(folder.resolve(".result-2.json"), "");
    Files.setLastModifiedTime(abandoned, FileTime.from(Instant.now().minus(Duration.ofHours(2))));

    run(Map.of(), "rehearse", "--model", "m", "--xcom", folder.resolve("r.json").toString());

    assertFalse(Files.exists(abandoned));
    assertTrue(Files.exists(inUse), "its step may still be running");
  }

  @Test
  void secretsAreInNoLogAndNoError() throws Exception {
    StepProcess.Ended ended =
        run(
            Map.of("RETUNE_MONGO_URI", SECRET_URI),
            "rehearse",
            "--model",
            "hunter22",
            "--ending",
            "unexpected");

    assertEquals(1, ended.exitCode());
    assertFalse((ended.out() + ended.err()).contains("hunter22"), ended.out() + ended.err());
    assertTrue(ended.errorMessage().contains("db.example.org"), ended.errorMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--model=mongodb://anna:hunter22@db/retune",
        "--mongo-uri=mongodb://db/retune",
        "mongodb://anna:hunter22@db/retune",
        "--input={\"model\": \"mongodb://anna:hunter22@db/retune\"}"
      })
  void aSecretOnTheCommandLineIsRefusedWithAHintToOtherWays(String word) throws Exception {
    StepProcess.Ended ended = run(Map.of(), "rehearse", word);

    assertEquals(50, ended.exitCode());
    assertTrue(ended.errorMessage().contains("RETUNE_MONGO_URI_FILE"), ended.errorMessage());
    assertFalse((ended.out() + ended.err()).contains("hunter22"), ended.out() + ended.err());
  }

  @Test
  void aStepWithoutMemorySaysSoInItsLastLine() throws Exception {
    StepProcess.Ended ended =
        run(Map.of(), "rehearse", "--model", "m", "--ending", "out_of_memory");

    assertEquals(1, ended.exitCode());
    assertTrue(ended.errorMessage().startsWith("The step ran out of memory (heap limit "));
    assertTrue(ended.err().lines().toList().getLast().contains("The step ran out of memory"));
  }

  @Test
  void aSecretMayComeFromAFile() throws Exception {
    Path file = Files.writeString(folder.resolve("uri"), SECRET_URI + "\n");

    StepProcess.Ended ended =
        run(Map.of("RETUNE_MONGO_URI_FILE", file.toString()), "rehearse", "--model", "m");

    assertTrue(ended.err().contains("connecting to mongodb://retune:***@db.example.org/retune"));
  }

  @Test
  void eachLogLineIsJsonWithTheRunStepAndAttempt() throws Exception {
    StepProcess.Ended ended =
        run(
            Map.of("RETUNE_RUN_ID", "manual__1", "RETUNE_TRY_NUMBER", "2", "RETUNE_DAG_ID", "dag"),
            "rehearse",
            "--model",
            "m");

    String line =
        ended.err().lines().filter(l -> l.contains("connecting")).findFirst().orElseThrow();
    JsonNode log = Json.MAPPER.readTree(line);
    assertEquals("manual__1", log.get("run_id").stringValue());
    assertEquals("rehearse", log.get("step").stringValue());
    assertEquals(2, log.get("attempt").intValue());
  }

  @Test
  void anUnknownStepIsAnsweredWithTheNearest() throws Exception {
    StepProcess.Ended ended = run(Map.of(), "reherse");

    assertEquals(50, ended.exitCode());
    assertEquals(
        "There is no step 'reherse'. Did you mean 'rehearse'? See ./retune --help.",
        ended.errorMessage());
  }

  @Test
  void helpIsTheManualPage() throws Exception {
    StepProcess.Ended ended = run(Map.of(), "rehearse", "--help");

    assertEquals(0, ended.exitCode());
    for (String expected :
        new String[] {
          "--ending well|invalid_input|not_ready|unexpected|out_of_memory|never",
          "(default 0.75)",
          "from 0 to 1",
          "name of the model (required)",
          "./retune rehearse --model credit-default --ending well"
        }) {
      assertTrue(ended.out().contains(expected), ended.out());
    }
    assertTrue(run(Map.of(), "--help").out().contains("rehearse  "));
  }

  @Test
  void whatIsWrongWithTheFlagsIsToldInTheResultFileToo() throws Exception {
    Path file = folder.resolve("return.json");

    for (String[] words :
        new String[][] {
          {"rehearse", "--modle", "m", "--xcom", file.toString()},
          {"reherse", "--xcom=" + file}
        }) {
      Files.deleteIfExists(file);
      StepProcess.Ended ended = run(Map.of(), words);
      assertEquals(50, ended.exitCode());
      assertEquals("", ended.out());
      assertTrue(Files.readString(file).contains("Did you mean"), Files.readString(file));
    }
  }

  @Test
  void aReadableLogLineNamesStepRunAndAttempt() throws Exception {
    StepProcess.Ended ended =
        run(
            Map.of("RETUNE_LOG", "text", "RETUNE_RUN_ID", "run-7", "RETUNE_TRY_NUMBER", "2"),
            "rehearse",
            "--model",
            "m");

    assertTrue(ended.err().contains(" rehearse [run-7 #2] connecting to"), ended.err());
  }

  @Test
  void aStoreThatDoesNotAnswerIsNotReady() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      StepProcess.Ended ended =
          run(
              Map.of(
                  "RETUNE_MONGO_URI",
                  "mongodb://127.0.0.1:" + silent.getLocalPort(),
                  "RETUNE_STORE_WAIT",
                  "1"),
              "count-documents");

      assertEquals(20, ended.exitCode());
      assertTrue(ended.errorMessage().contains("did not answer within 1 s"), ended.errorMessage());
    }
  }

  @Test
  void aStoreThatRefusesTheCredentialsIsInvalidInputWithoutThePassword() throws Exception {
    try (EmbeddedStore store = EmbeddedStore.inMemory()) {
      StepProcess.Ended ended =
          run(
              Map.of("RETUNE_MONGO_URI", store.uri().replace("//", "//anna:hunter22@")),
              "count_documents");

      assertEquals(50, ended.exitCode());
      assertTrue(ended.errorMessage().contains("refused user 'anna'"), ended.errorMessage());
      assertFalse((ended.out() + ended.err()).contains("hunter22"), ended.out() + ended.err());
    }
  }

  @Test
  void aStoreThatDiesInTheMiddleOfAStepIsNotReady() throws Exception {
    Process process;
    try (EmbeddedStore store = EmbeddedStore.inMemory()) {
      process =
          start(
              Map.of("RETUNE_MONGO_URI", store.uri(), "RETUNE_STORE_WAIT", "1"),
              "count_documents",
              "--forever");
      BufferedReader log = process.errorReader();
      while (!log.readLine().contains("counting")) {
        assertTrue(process.isAlive());
      }
    }

    StepProcess.Ended ended = StepProcess.end(process);
    assertEquals(20, ended.exitCode(), ended.err());
    assertEquals("not_ready", ended.json().at("/error/code").stringValue());
  }

  private static StepProcess.Ended run(Map<String, String> environment, String... words)
      throws Exception {
    return StepProcess.light(environment).run(words);
  }

  private static Process start(Map<String, String> environment, String... words)
      throws IOException {
    return StepProcess.light(environment).start(words);
  }
}
