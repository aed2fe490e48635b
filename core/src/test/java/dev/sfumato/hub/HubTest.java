package dev.sfumato.hub;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HubTest {
  private static final String WEIGHTS = "unet/diffusion_pytorch_model.safetensors";
  private static final String CONFIG = "unet/config.json";
  private static final HubId ID = HubId.parse("org/name").orElseThrow();

  @TempDir private Path cache;
  private final FakeHub hub = new FakeHub();
  private Optional<String> token = Optional.empty();

  HubTest() {
    hub.addPipeline();
  }

  @AfterEach
  void stop() {
    hub.close();
  }

  // ---- the cache

  @Test
  void keepsFilesInTheLayoutOfTheSharedCache() throws IOException {
    Path snapshot = snapshot();
    Path repository = cache.resolve("models--org--name");
    assertThat(snapshot).isEqualTo(repository.resolve("snapshots").resolve(FakeHub.COMMIT));
    assertThat(below(snapshot))
        .containsExactly("model_index.json", "scheduler/scheduler_config.json", CONFIG, WEIGHTS);
    for (String name : below(snapshot)) {
      assertThat(Files.readAllBytes(snapshot.resolve(name))).isEqualTo(hub.files.get(name));
      assertThat(Files.readSymbolicLink(snapshot.resolve(name)).toString())
          .isEqualTo("../".repeat(name.split("/").length + 1) + "blobs/" + hub.hash(name));
    }
    assertThat(Files.readString(repository.resolve("refs/main"))).isEqualTo(FakeHub.COMMIT);
    assertThat(below(repository.resolve("blobs"))).hasSize(4);
    assertThat(below(cache)).contains("CACHEDIR.TAG");
    assertThat(below(cache.resolve(".locks/models--org--name")))
        .contains(hub.hash(WEIGHTS) + ".lock");
    Path tree = repository.resolve("trees/" + FakeHub.COMMIT + ".json");
    JsonNode all = JsonFile.read(tree, JsonNode.class).path("files");
    assertThat(all.size()).isEqualTo(hub.files.size());
    assertThat(all.path(WEIGHTS).path("lfs_sha256").asText()).isEqualTo(hub.hash(WEIGHTS));
    assertThat(all.path(CONFIG).path("blob_id").asText()).isEqualTo(hub.hash(CONFIG));
    assertThat(all.path(CONFIG).has("lfs_sha256")).isFalse();
  }

  @Test
  void keepsDataSetsBesideModels() {
    hub.files.clear();
    hub.files.put("data/train.parquet", FakeHub.noise(10));
    Path snapshot = online().snapshot(ID, Kind.DATASET, ModelFiles::dataset, ProgressListener.NONE);
    assertThat(snapshot.startsWith(cache.resolve("datasets--org--name/snapshots"))).isTrue();
    assertThat(hub.requests).contains("GET hub /api/datasets/org/name/revision/main");
    assertThat(hub.requests)
        .contains("HEAD hub /datasets/org/name/resolve/" + FakeHub.COMMIT + "/data/train.parquet");
  }

  @Test
  void asksOnlyForTheCommitWhenAllIsCached() {
    Path first = snapshot();
    hub.requests.clear();
    assertThat(snapshot()).isEqualTo(first);
    assertThat(hub.requests).containsExactly("GET hub /api/models/org/name/revision/main");
  }

  @Test
  void asksNothingAboutACachedCommit() {
    HubId commit = new HubId("org/name", FakeHub.COMMIT);
    Path first = snapshot(online(), commit);
    hub.requests.clear();
    assertThat(snapshot(online(), commit)).isEqualTo(first);
    assertThat(hub.requests).isEmpty();
    assertThat(Files.exists(cache.resolve("models--org--name/refs"))).isFalse();
  }

  @Test
  void followsABranchAndSharesBlobs() {
    snapshot();
    String next = "f".repeat(40);
    hub.revisions.put("main", next);
    hub.add(CONFIG, "{\"sample_size\": 16}");
    hub.requests.clear();
    assertThat(snapshot().getFileName().toString()).isEqualTo(next);
    assertThat(hub.requests.stream().filter(r -> r.startsWith("GET") && r.contains("resolve")))
        .containsExactly("GET hub /org/name/resolve/" + next + "/" + CONFIG);
  }

  @Test
  void readsRevisionsWithSlashes() throws IOException {
    hub.revisions.put("refs/pr/1", FakeHub.COMMIT);
    Path snapshot = snapshot(online(), HubId.parse("org/name@refs/pr/1").orElseThrow());
    assertThat(snapshot.endsWith(FakeHub.COMMIT)).isTrue();
    assertThat(hub.requests).contains("GET hub /api/models/org/name/revision/refs%2Fpr%2F1");
    assertThat(Files.readString(cache.resolve("models--org--name/refs/refs/pr/1")))
        .isEqualTo(FakeHub.COMMIT);
  }

  @Test
  void copiesWhereLinksAreNotWanted() throws IOException {
    Path snapshot = snapshot(new Hub(settings(false, false, Duration.ofSeconds(10))), ID);
    assertThat(Files.isSymbolicLink(snapshot.resolve(WEIGHTS))).isFalse();
    assertThat(Files.readAllBytes(snapshot.resolve(WEIGHTS))).isEqualTo(hub.files.get(WEIGHTS));
    assertThat(Files.exists(blob(WEIGHTS))).isTrue();
  }

  @Test
  void takesOddNamesAndContents() throws IOException {
    hub.files.clear();
    hub.add("empty", "");
    hub.add("a file +%.txt", "same");
    hub.add("ä/b.txt", "same");
    Path snapshot = online().snapshot(ID, Kind.MODEL, files -> files, ProgressListener.NONE);
    assertThat(below(snapshot)).containsExactly("a file +%.txt", "empty", "ä/b.txt");
    assertThat(Files.size(snapshot.resolve("empty"))).isEqualTo(0);
  }

  @Test
  void notesFilesThatAreNotThere() {
    hub.next("HEAD " + CONFIG, FakeHub.status(404, "X-Error-Code", "EntryNotFound"));
    assertThat(failure()).contains(CONFIG + ": the server lists this file and does not have it");
    assertThat(below(cache.resolve("models--org--name/.no_exist")))
        .containsExactly(FakeHub.COMMIT + "/" + CONFIG);
  }

  // ---- the token

  @Test
  void tellsTheTokenToTheHubAlone() {
    hub.token = Optional.of("secret");
    token = Optional.of("secret");
    snapshot();
    for (String request : hub.requests) {
      assertWithMessage(request)
          .that(request.endsWith("token Bearer secret"))
          .isEqualTo(request.contains(" hub "));
    }
    assertThat(hub.requests.stream().filter(r -> r.contains(" storage "))).hasSize(1);
  }

  @Test
  void saysWhatARefusalMeans() {
    hub.token = Optional.of("secret");
    assertThat(failure()).contains("or one that is not for everybody: set HF_TOKEN to your token");
    token = Optional.of("another");
    assertThat(failure()).contains("or the token of HF_TOKEN is wrong or may not read it");
    hub.token = Optional.empty();
    hub.next("revision", FakeHub.status(403, "X-Error-Code", "GatedRepo"));
    assertThat(failure())
        .contains("ask for it at " + hub.endpoint() + "/org/name, and set HF_TOKEN");
  }

  @Test
  void saysWhatIsNotThere() {
    assertThat(failure(HubId.parse("org/other").orElseThrow()))
        .matches("org/other: no such model or revision \\(HTTP status 404 from .*\\)");
    assertThat(failure(HubId.parse("org/name@v2").orElseThrow()))
        .startsWith("org/name@v2: the model has no revision v2");
    hub.files.remove(CONFIG);
    assertThat(failure()).isEqualTo("org/name: holds no unet/config.json");
  }

  // ---- what goes wrong on the way

  @ParameterizedTest
  @ValueSource(ints = {408, 429, 500, 502, 503, 504})
  void asksABusyServerAgain(int status) {
    hub.next("revision", FakeHub.status(status, "Retry-After", "0"));
    hub.next("HEAD " + WEIGHTS, FakeHub.status(status));
    hub.next(WEIGHTS, FakeHub.status(status), FakeHub.status(status));
    assertWhole(snapshot());
  }

  @Test
  void givesUpOnAServerThatStaysBusy() {
    FakeHub.Answer busy = FakeHub.status(503);
    hub.next("revision", busy, busy, busy, busy, busy);
    assertThat(failure())
        .startsWith("org/name: not in the cache, and " + hub.endpoint() + " cannot be reached");
    assertThat(hub.requests).hasSize(5);
  }

  @Test
  void goesOnWhereTheConnectionWasCut() {
    int size = hub.files.get(WEIGHTS).length;
    FakeHub.Answer[] cuts = new FakeHub.Answer[8]; // more often than a server may be busy
    Arrays.setAll(cuts, i -> FakeHub.cutAt((i + 1) * size / 10));
    hub.next(WEIGHTS, cuts);
    assertWhole(snapshot());
    assertThat(hub.requests.get(hub.requests.size() - 1))
        .endsWith("range bytes=" + 8 * size / 10 + "-");
  }

  @Test
  void goesOnWithWhatAnEarlierProcessLeft() throws IOException {
    byte[] content = hub.files.get(WEIGHTS);
    leave(Arrays.copyOf(content, 1234));
    assertWhole(snapshot());
    assertThat(hub.requests.stream().filter(r -> r.contains("storage")))
        .containsExactly("GET storage /" + WEIGHTS + " range bytes=1234-");
    assertThat(Files.exists(partial())).isFalse();
  }

  @Test
  void finishesWhatAnEarlierProcessHadAllOf() throws IOException {
    leave(hub.files.get(WEIGHTS));
    assertWhole(snapshot());
    assertThat(hub.requests.stream().filter(r -> r.contains("storage"))).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {1234, 200_000, 300_000})
  void startsAgainWhereWhatWasLeftIsOfAnotherFile(int size) throws IOException {
    leave(FakeHub.noise(size + 1));
    assertWhole(snapshot());
  }

  @Test
  void takesAllFromAServerThatIgnoresRanges() throws IOException {
    leave(Arrays.copyOf(hub.files.get(WEIGHTS), 1234));
    hub.next(WEIGHTS, FakeHub.ignoringTheRange());
    assertWhole(snapshot());
    assertThat(hub.requests.stream().filter(r -> r.contains("storage"))).hasSize(1);
  }

  @ParameterizedTest
  @CsvSource({WEIGHTS, CONFIG})
  void refusesWrongBytes(String name) {
    byte[] wrong = hub.files.get(name).clone();
    wrong[wrong.length / 2] ^= 1;
    hub.next(name, FakeHub.sends(wrong));
    assertThat(failure())
        .startsWith(name + ": refused: the server sent " + wrong.length + " bytes");
    Path folder = cache.resolve("models--org--name");
    assertThat(below(folder.resolve("snapshots"))).doesNotContain(FakeHub.COMMIT + "/" + name);
    assertThat(below(folder.resolve("blobs"))).doesNotContain(hub.hash(name));
    assertThat(below(folder.resolve("blobs"))).doesNotContain(hub.hash(name) + ".incomplete");
    assertWhole(snapshot());
  }

  @Test
  void startsAgainWhenTheFileChangesOnTheWay() {
    byte[] old = hub.files.get(WEIGHTS);
    hub.next(
        WEIGHTS,
        (exchange, content) -> {
          hub.files.put(WEIGHTS, FakeHub.noise(old.length + 5));
          FakeHub.cutAt(1000).to(exchange, old);
        });
    assertWhole(snapshot());
  }

  @Test
  void doesNotWaitForASilentServer() {
    hub.next(WEIGHTS, FakeHub.slowly(3000));
    Hub impatient = new Hub(settings(false, true, Duration.ofMillis(500)));
    long start = System.nanoTime();
    assertWhole(snapshot(impatient, ID));
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofMillis(2900));
  }

  @ParameterizedTest
  @ValueSource(strings = {"../evil", "/etc/evil", "a/../../evil", "a\\..\\evil", "C:/evil", "a//b"})
  void refusesNamesThatLeadOutOfTheCache(String name) {
    hub.add(name, "evil");
    assertThat(failure()).contains("refused: its file name '" + name + "' leads out of the cache");
    assertThat(below(cache)).isEmpty();
  }

  @Test
  void refusesFilesWithoutAHash() {
    hub.next("HEAD " + CONFIG, FakeHub.status(200, "ETag", "\"../../evil\""));
    assertThat(failure()).contains(CONFIG + ": refused: the server names no hash of it");
  }

  @Test
  void refusesACommitThatIsNone() {
    hub.revisions.put("main", "../../evil");
    assertThat(failure()).contains("answers as no Hub does");
  }

  // ---- without a server

  @Test
  void readsTheCacheOffline() {
    Path online = snapshot();
    hub.requests.clear();
    assertThat(snapshot(offline(), ID)).isEqualTo(online);
    assertThat(snapshot(offline(), new HubId("org/name", FakeHub.COMMIT))).isEqualTo(online);
    assertThat(hub.requests).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void namesWhatIsNotCachedOffline(boolean listsTrees) throws IOException {
    hub.listsTrees = listsTrees;
    snapshot();
    Files.delete(blob(WEIGHTS));
    assertThat(failure(offline(), ID))
        .isEqualTo(
            "org/name: only partly in the cache ("
                + WEIGHTS
                + " is missing), and HF_HUB_OFFLINE is"
                + " set");
  }

  @Test
  void saysWhatIsNotCachedAtAll() {
    snapshot();
    for (String id : List.of("org/other", "org/name@v2")) {
      assertThat(failure(offline(), HubId.parse(id).orElseThrow()))
          .isEqualTo(id + ": not in the cache, and HF_HUB_OFFLINE is set");
    }
  }

  @Test
  void usesTheCacheWithAWarningWhereTheServerIsGone() {
    Path online = snapshot();
    hub.close();
    PrintStream err = System.err;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
    try {
      assertThat(snapshot()).isEqualTo(online);
    } finally {
      System.setErr(err);
    }
    assertThat(said.toString(StandardCharsets.UTF_8))
        .contains("using what is cached, commit " + FakeHub.COMMIT);
  }

  @Test
  void failsWhereTheServerIsGoneAndSomethingIsMissing() throws IOException {
    snapshot();
    Files.delete(blob(CONFIG));
    hub.close();
    assertThat(failure())
        .contains("only partly in the cache (unet/config.json is missing), and http");
  }

  // ---- several at once

  @Test
  void twoDownloadOnce() {
    List<CompletableFuture<Path>> both =
        Stream.of(online(), online())
            .map(hub -> CompletableFuture.supplyAsync(() -> snapshot(hub, ID)))
            .toList();
    both.forEach(snapshot -> assertWhole(snapshot.join()));
    assertThat(hub.requests.stream().filter(r -> r.contains("storage"))).hasSize(1);
  }

  @Test
  void twoProcessesDownloadOnce() throws IOException, InterruptedException {
    hub.next(WEIGHTS, FakeHub.slowly(1500)); // the time in which the other process comes
    Process other =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Downloader.class.getName(),
                hub.endpoint().toString(),
                cache.toString())
            .inheritIO()
            .start();
    assertWhole(snapshot());
    assertThat(other.waitFor()).isEqualTo(0);
    assertThat(hub.requests.stream().filter(r -> r.contains("storage"))).hasSize(1);
  }

  /** What another process does. */
  static final class Downloader {
    public static void main(String[] args) {
      snapshot(
          new Hub(HubSettings.of(Map.of("HF_ENDPOINT", args[0], "HF_HUB_CACHE", args[1]))), ID);
    }
  }

  @Test
  void tellsHowFarItIs() throws IOException {
    byte[] content = hub.files.get(WEIGHTS);
    leave(Arrays.copyOf(content, 100_000));
    hub.next(WEIGHTS, FakeHub.cutAt(150_000), FakeHub.ignoringTheRange());
    List<Long> done = new ArrayList<>();
    List<Long> totals = new ArrayList<>();
    online()
        .snapshot(
            ID,
            Kind.MODEL,
            ModelFiles::pipeline,
            (bytes, total) -> {
              done.add(bytes);
              totals.add(total);
            });
    long total =
        Stream.of(WEIGHTS, CONFIG, "model_index.json", "scheduler/scheduler_config.json")
            .mapToLong(name -> hub.files.get(name).length)
            .sum();
    assertThat(totals.stream().distinct().toList()).containsExactly(total);
    assertThat(done.get(done.size() - 1)).isEqualTo(total);
    assertThat(done.stream().allMatch(n -> n >= 0 && n <= total)).isTrue();
  }

  // ---- words

  private HubSettings settings(boolean offline, boolean symlinks, Duration timeout) {
    return new HubSettings(hub.endpoint(), cache, token, offline, symlinks, timeout, Duration.ZERO);
  }

  private Hub online() {
    return new Hub(settings(false, true, Duration.ofSeconds(10)));
  }

  private Hub offline() {
    return new Hub(settings(true, true, Duration.ofSeconds(10)));
  }

  private Path snapshot() {
    return snapshot(online(), ID);
  }

  private static Path snapshot(Hub hub, HubId id) {
    return hub.snapshot(id, Kind.MODEL, ModelFiles::pipeline, ProgressListener.NONE);
  }

  private String failure() {
    return failure(ID);
  }

  private String failure(HubId id) {
    return failure(online(), id);
  }

  private static String failure(Hub hub, HubId id) {
    String message = assertThrows(SfumatoException.class, () -> snapshot(hub, id)).getMessage();
    assertThat(message.lines().count()).isEqualTo(1);
    return message;
  }

  private void assertWhole(Path snapshot) {
    try {
      assertThat(Files.readAllBytes(snapshot.resolve(WEIGHTS))).isEqualTo(hub.files.get(WEIGHTS));
      assertThat(Files.readAllBytes(snapshot.resolve(CONFIG))).isEqualTo(hub.files.get(CONFIG));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private Path blob(String name) {
    return cache.resolve("models--org--name/blobs").resolve(hub.hash(name));
  }

  private Path partial() {
    return blob(WEIGHTS).resolveSibling(hub.hash(WEIGHTS) + ".incomplete");
  }

  private void leave(byte[] bytes) throws IOException {
    Files.createDirectories(partial().getParent());
    Files.write(partial(), bytes);
  }

  private static List<String> below(Path folder) {
    try (Stream<Path> tree = Files.walk(folder)) {
      return tree.filter(Files::isRegularFile)
          .map(file -> folder.relativize(file).toString())
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
