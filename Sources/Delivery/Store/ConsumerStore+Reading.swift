internal import Diagnosis
private import Foundation
internal import GRDB

extension ConsumerStore {
    /// Reads the stores of all consumers in a directory, by name. Waits for the disk.
    ///
    /// Each is locked for as long as it is read; one that is in use is only named.
    ///
    /// - Throws: an error of the file system if the directory can't be read.
    public static func readings(inDirectory directory: String) throws -> [ConsumerReading] {
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted().compactMap { name in
            ConsumerFiles(directory: directory, databaseName: name).map(reading)
        }
    }

    private static func reading(_ files: ConsumerFiles) -> ConsumerReading {
        var reading = ConsumerReading(consumer: files.stem, path: files.database, content: .accounts([:]))
        do {
            let (lock, holder) = try ConsumerLock.take(files.lock, consumer: nil)
            if !holder.consumer.isEmpty { reading.consumer = holder.consumer }
            guard let lock else {
                reading.content = .inUse(by: holder.process)
                return reading
            }
            try withExtendedLifetime(lock) {
                let database = try LedgerDatabase(path: files.database, consumer: nil, bounds: Bounds())
                defer { database.close() }
                reading.consumer = try database.name()
                reading.content = .accounts(database.lanes.accounts(consumer: reading.consumer))
            }
        } catch {
            reading.content = .unreadable(reason: "\(error)")
        }
        return reading
    }
}
