// What gRPC's own C++ client costs, as the measure for arobust's: unary calls with prepared requests on one connection, by the asynchronous
// interface, one thread, a completion queue.
//
//   grpcclient HOST:PORT FILE WARM_UP WINDOW
//
// FILE has the requests: of each a length of four bytes, little-endian, and the bytes. WINDOW calls are under way at once: with 1, each waits for
// the answer to the one before. The first WARM_UP are not counted. Prints a JSON object: calls, CPU seconds of all threads, seconds, peak KiB.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

struct Call {
    grpc::ClientContext context;
    grpc::ByteBuffer answer;
    grpc::Status status;
    std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
};

static double seconds(clockid_t clock)
{
    timespec time;
    clock_gettime(clock, &time);
    return double(time.tv_sec) + double(time.tv_nsec) / 1e9;
}

static long peak_kib()
{
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.compare(0, 6, "VmHWM:") == 0) return std::atol(line.c_str() + 6);
    return 0;
}

static std::vector<std::string> read_requests(const char *path)
{
    std::ifstream file(path, std::ios::binary);
    const std::string all((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    std::vector<std::string> requests;
    for (size_t at = 0; at + 4 <= all.size();) {
        uint32_t length;
        std::memcpy(&length, all.data() + at, 4);
        requests.emplace_back(all, at + 4, length);
        at += 4 + size_t(length);
    }
    return requests;
}

/// Sends them all; false if a call failed, or the master did not say success.
static bool send(grpc::GenericStub &stub, grpc::CompletionQueue &queue, const std::string *requests, size_t count, size_t window)
{
    size_t started = 0, answered = 0;
    while (answered < count) {
        for (; started < count && started - answered < window; ++started) {
            auto *call = new Call;
            grpc::Slice slice(requests[started]);
            grpc::ByteBuffer body(&slice, 1);
            call->reader = stub.PrepareUnaryCall(&call->context, "/elastic.Master/report", body, &queue);
            call->reader->StartCall();
            call->reader->Finish(&call->answer, &call->status, call);
        }
        void *tag;
        bool ok;
        if (!queue.Next(&tag, &ok)) return false;
        std::unique_ptr<Call> call(static_cast<Call *>(tag));
        std::vector<grpc::Slice> slices;
        if (!ok || !call->status.ok() || !call->answer.Dump(&slices).ok()) {
            std::fprintf(stderr, "grpcclient: %s\n", call->status.error_message().c_str());
            return false;
        }
        std::string answer;
        for (const auto &slice : slices) answer.append(reinterpret_cast<const char *>(slice.begin()), slice.size());
        if (answer != std::string("\x08\x01")) {
            std::fprintf(stderr, "grpcclient: the master refused a report\n");
            return false;
        }
        ++answered;
    }
    return true;
}

int main(int count, char **arguments)
{
    if (count != 5) {
        std::fprintf(stderr, "usage: grpcclient HOST:PORT FILE WARM_UP WINDOW\n");
        return 64;
    }
    const auto requests = read_requests(arguments[2]);
    const size_t warm_up = std::strtoul(arguments[3], nullptr, 10), window = std::strtoul(arguments[4], nullptr, 10);
    if (warm_up >= requests.size() || window == 0) {
        std::fprintf(stderr, "grpcclient: no requests after the warm-up, or no window\n");
        return 64;
    }
    grpc::GenericStub stub(grpc::CreateChannel(arguments[1], grpc::InsecureChannelCredentials()));
    grpc::CompletionQueue queue;
    if (!send(stub, queue, requests.data(), warm_up, window)) return 1;
    const double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), began = seconds(CLOCK_MONOTONIC);
    const size_t counted = requests.size() - warm_up;
    if (!send(stub, queue, requests.data() + warm_up, counted, window)) return 1;
    std::printf("{\"calls\": %zu, \"cpu\": %.6f, \"seconds\": %.6f, \"peak_kib\": %ld}\n", counted, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu,
                seconds(CLOCK_MONOTONIC) - began, peak_kib());
    return 0;
}
