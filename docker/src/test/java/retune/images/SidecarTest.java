package retune.images;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.BindMode;
import org.testcontainers.containers.GenericContainer;

/** Runs the commands that KubernetesPodOperator sends to its sidecar. */
@Tag("images")
class SidecarTest {
  @TempDir Path folder;

  @Test
  void printsTheResultAndEndsOnRequest() throws Exception {
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.writeString(folder.resolve("return.json"), "{\"rows\": 7}");
    try (GenericContainer<?> sidecar = Containers.container("retune/xcom-sidecar")) {
      sidecar.withCreateContainerCmdModifier(
          command ->
              command
                  .withEntrypoint("sh", "-c")
                  .withCmd("trap \"exit 0\" INT; while true; do sleep 1; done;"));
      sidecar.withFileSystemBind(folder.toString(), "/airflow/xcom", BindMode.READ_ONLY);
      sidecar.start();

      var read =
          sidecar.execInContainer(
              "/bin/sh",
              "-c",
              "if [ -s /airflow/xcom/return.json ]; then cat /airflow/xcom/return.json; else echo"
                  + " __airflow_xcom_result_empty__; fi");
      assertEquals("{\"rows\": 7}", read.getStdout());
      var told = sidecar.execInContainer("/bin/sh", "-c", "kill -2 $(pgrep -u $(id -u) -f 'sh')");
      assertEquals("", told.getStderr());

      DockerClientFactory.lazyClient()
          .waitContainerCmd(sidecar.getContainerId())
          .start()
          .awaitStatusCode();
      assertEquals(0, Containers.ended(sidecar).exitCode());
    }
  }
}
